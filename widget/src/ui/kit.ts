// What the parts that are fetched later (later.ts) work with. They import nothing but types: else the bundler would cut what
// they share with the panel out of it, and every visitor would fetch more files and bytes.
import { consentBox } from './consent';
import { ICONS, button, focused, h, icon, say, setText } from './dom';
import { awayText, download, known } from './text';

export const kit = { ICONS, awayText, button, consentBox, download, focused, h, icon, known, say, setText };
export type Kit = typeof kit;
