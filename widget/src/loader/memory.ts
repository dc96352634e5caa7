// What an earlier page of the same visit has left. Nothing is written before the visitor has done something.

import { STORAGE_PREFIX } from '../types';
import type { SiteConfig } from '../types';

const name = (config: SiteConfig, key: string) => STORAGE_PREFIX + config.site + ':' + key;

export function kept(config: SiteConfig, key: string): string | null {
  try {
    return sessionStorage.getItem(name(config, key)) ?? (config.remember ? localStorage.getItem(name(config, key)) : null);
  } catch {
    return null; // this page has no storage
  }
}

export function keep(config: SiteConfig, key: string): void {
  try {
    sessionStorage.setItem(name(config, key), '1');
  } catch {
    // asked again on the next page
  }
}
