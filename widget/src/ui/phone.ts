// On a small screen the panel is the screen: the page behind stands still and comes back as it was, the keyboard shrinks
// the panel, and "back" closes it instead of leaving the page.

/** The same as in panel.css. */
const SMALL = '(max-width:520px),(max-height:420px)';

export interface Phone {
  readonly full: boolean; // open, and over the whole screen
  opened(): void;
  closed(): void;
  dispose(): void;
}

const MARK = 'usher';

export function createPhone(panel: HTMLElement, close: () => void): Phone {
  const small = matchMedia(SMALL);
  const viewport = window.visualViewport;
  let open = false;
  let restore: (() => void) | null = null;

  function fit(): void {
    if (!restore || !viewport) return;
    panel.style.height = viewport.height + 'px';
    panel.style.top = viewport.offsetTop + 'px';
  }
  function lock(): void {
    const style = document.documentElement.style;
    const old = [style.getPropertyValue('overflow'), style.getPropertyPriority('overflow')];
    const { scrollX, scrollY } = window;
    style.setProperty('overflow', 'hidden', 'important');
    restore = () => {
      style.setProperty('overflow', old[0], old[1]);
      if (window.scrollX !== scrollX || window.scrollY !== scrollY) window.scrollTo({ left: scrollX, top: scrollY, behavior: 'instant' as ScrollBehavior });
      panel.style.height = panel.style.top = '';
      restore = null;
    };
    panel.setAttribute('aria-modal', 'true');
    fit();
    // Our own entry, so that "back" has something to take away. The page's own state stays in it.
    try {
      if (!marked()) history.pushState({ ...(history.state as object | null), [MARK]: 1 }, '');
    } catch {
      // a page without a history of its own: there "back" leaves it
    }
  }
  function unlock(): void {
    restore?.();
    panel.removeAttribute('aria-modal');
  }
  const marked = () => !!(history.state as Record<string, unknown> | null)?.[MARK];
  function update(): void {
    if (open && small.matches && !restore) lock();
    else if (!small.matches && restore) unlock();
  }
  function back(): void {
    if (open && restore && !marked()) close();
  }
  small.addEventListener('change', update);
  viewport?.addEventListener('resize', fit);
  viewport?.addEventListener('scroll', fit);
  window.addEventListener('popstate', back);

  return {
    get full() {
      return !!restore;
    },
    opened() {
      open = true;
      update();
    },
    closed() {
      open = false;
      unlock();
      if (marked()) history.back();
    },
    dispose() {
      unlock();
      small.removeEventListener('change', update);
      viewport?.removeEventListener('resize', fit);
      viewport?.removeEventListener('scroll', fit);
      window.removeEventListener('popstate', back);
    },
  };
}
