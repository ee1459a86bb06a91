const whole = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat('en', {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** `12,345`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `12.3K`, where room is short; give the exact number in a title. */
export function shortCount(value: number): string {
  return compact.format(value);
}

/** `41.2%` of a whole; nothing of nothing is a dash, since zero would be a claim. */
export function share(part: number, of: number): string {
  return of === 0 ? '–' : percent.format(part / of);
}

const BINARY_UNITS = ['byte', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.4 GiB`. */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < BINARY_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : 1;
  return `${scaled.toFixed(digits)} ${BINARY_UNITS[unit] ?? ''}${unit === 0 && value !== 1 ? 's' : ''}`;
}

/** `1 edge`, `2 edges`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
