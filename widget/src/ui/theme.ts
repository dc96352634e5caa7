// A site's look as CSS: colours with enough contrast computed from its one colour, the side, the light and dark tokens.
// Touches no DOM.
import type { SiteConfig } from '../types';

type RGB = [number, number, number];

/** The colour where a site sets none. */
export const DEFAULT_COLOUR = '#1f5fd6';
const LIGHT = '#ffffff';
const DARK = '#171a21';

/** #rgb or #rrggbb; null for anything else. */
export function parseColour(s: string): RGB | null {
  if (!/^#([\da-f]{3}){1,2}$/i.test(s)) return null;
  return (s.length < 5 ? s.replace(/\w/g, '$&$&') : s).match(/\w\w/g)!.map((x) => parseInt(x, 16)) as RGB;
}

/** WCAG 2.2 relative luminance of a colour as #rgb or #rrggbb. */
function luminance(colour: string): number {
  const [r, g, b] = parseColour(colour)!.map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2.2 contrast ratio of two colours, 1..21. */
export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** Text on a ground of this colour: white if it can be read (4.5), else black. One of both always can. */
export function onColour(ground: string): string {
  return contrast(ground, LIGHT) >= 4.5 ? LIGHT : '#000000';
}

/** The colour nearest to c that has this contrast on the ground: c mixed with black or white, whichever leads away. */
export function readable(c: string, ground: string, ratio: number): string {
  const to = ground === LIGHT ? 0 : 255;
  for (let i = 0; ; i++) {
    const mixed = '#' + parseColour(c)!.map((v) => Math.round(v + ((to - v) * i) / 20).toString(16).padStart(2, '0')).join('');
    if (i === 20 || contrast(mixed, ground) >= ratio) return mixed;
  }
}

// --c fill, --o text on it, --t the colour as text, --b ground, --f text, --d dim text, --s soft ground, --l lines,
// --e edges of controls (3:1), --r errors
function tokens(colour: string, ground: string, rest: string): string {
  const fill = readable(colour, ground, 1.25); // a brand's colour stays as it is, unless it would vanish: its text is what is read
  // Text of the colour also stands on the soft ground: a little more than 4.5 on the ground leaves 4.5 there.
  return `.panel{--c:${fill};--o:${onColour(fill)};--t:${readable(colour, ground, 5.6)};--b:${ground};${rest}}`;
}

/** The style sheet's text for a theme: custom properties of the panel, and its side. */
export function themeCss(theme: SiteConfig['theme']): string {
  const colour = parseColour(theme.colour) ? theme.colour : DEFAULT_COLOUR;
  const light = tokens(colour, LIGHT, '--f:#1c2330;--d:#586071;--s:#f0f2f6;--l:#d7dce4;--e:#7d8695;--r:#b3261e;color-scheme:light');
  const dark = tokens(colour, DARK, '--f:#e9ecf1;--d:#a9b2c0;--s:#272c37;--l:#3a4250;--e:#7f899a;--r:#ff9a91;color-scheme:dark');
  const side = theme.position === 'left' ? 'left' : 'right';
  return (
    (theme.dark === 'dark' ? dark : light + (theme.dark === 'auto' ? `@media(prefers-color-scheme:dark){${dark}}` : '')) +
    `.panel{${side}:max(16px,env(safe-area-inset-${side},0px))}`
  );
}
