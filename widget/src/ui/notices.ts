// What tells of a message that nobody looks at: the badge, the page's title, a sound.
import type { State } from '../types';
import { sound } from './header';
import type { Context } from './options';

export interface Notices {
  update(c: Context, s: State): void;
  dispose(): void;
}

export function createNotices(): Notices {
  let unread = 0;
  let ours = ''; // the title as we have set it
  let theirs = '';
  let audio: AudioContext | null = null;

  function title(text: string): void {
    if (document.title !== ours) theirs = document.title; // the page has set another meanwhile
    if (text) document.title = ours = `(${text}) ${theirs}`;
    else if (ours && document.title === ours) document.title = theirs;
    if (!text) ours = '';
  }
  /** Two short tones. Browsers want a gesture first: without one there is none, and no warning either. */
  function ring(): void {
    if (!navigator.userActivation?.hasBeenActive) return;
    audio ??= new AudioContext();
    void audio.resume();
    [660, 880].forEach((frequency, i) => {
      const start = audio!.currentTime + i * 0.13;
      const gain = audio!.createGain();
      gain.gain.setValueAtTime(0.0001, start);
      gain.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.25);
      const tone = audio!.createOscillator();
      tone.frequency.value = frequency;
      tone.connect(gain).connect(audio!.destination);
      tone.start(start);
      tone.stop(start + 0.26);
    });
  }

  return {
    update(c, s) {
      if (s.unread === unread) return;
      // Of several tabs one rings: the one that holds the connection.
      if (s.unread > unread && s.leader && sound(c)) ring();
      unread = s.unread;
      c.boot.setUnread(unread);
      title(unread ? c.t('log_new', unread) : '');
    },
    dispose() {
      title('');
      void audio?.close();
    },
  };
}
