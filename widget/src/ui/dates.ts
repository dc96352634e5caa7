// Times, lengths of time and sizes as people of a language write them.
import type { Translate } from '../types';
import type { Dates } from './options';

export function createDates(language: string, t: Translate, now: () => number = Date.now): Dates {
  const format = (o: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, o);
  const clock = format({ hour: 'numeric', minute: '2-digit' });
  const date = format({ weekday: 'long', day: 'numeric', month: 'long' });
  const moment = format({ weekday: 'long', hour: 'numeric', minute: '2-digit' });
  const unit = (n: number, name: string, digits: number, unitDisplay: 'long' | 'short') =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay, maximumFractionDigits: digits } as Intl.NumberFormatOptions).format(n);
  return {
    clock: (ms) => clock.format(ms),
    day(ms) {
      const d = new Date(ms).toDateString();
      const yesterday = new Date(now());
      yesterday.setDate(yesterday.getDate() - 1); // not 24 h: a day may have 23 or 25
      if (d === new Date(now()).toDateString()) return t('log_today');
      return d === yesterday.toDateString() ? t('log_yesterday') : date.format(ms);
    },
    moment: (iso) => moment.format(new Date(iso)),
    span: (s) => (s < 45 ? t('time_under_minute') : unit(Math.ceil(s / 60), 'minute', 0, 'long')),
    bytes: (n) => (n < 1e6 ? unit(Math.max(1, n / 1e3), 'kilobyte', 0, 'short') : unit(n / 1e6, 'megabyte', 1, 'short')),
  };
}
