/** Paths on a 16 by 16 grid, drawn with a line of 1.5. */
const PATHS = {
  overview: 'M2 2h5v6H2zM9 2h5v3H9zM9 7h5v7H9zM2 10h5v4H2z',
  network:
    'M8 2.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6ZM3.2 10.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6ZM12.8 10.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6ZM7.2 5.6 4.2 10.4M8.8 5.6l3 4.8M5 12h6',
  sessions: 'M2 3.5h12M2 8h12M2 12.5h8',
  certificate: 'M3 2.5h10v7H3zM5.5 5h5M5.5 7.2h3M9.5 9.5v4l1.5-1 1.5 1v-4',
  atom: 'M8 8m-1 0a1 1 0 1 0 2 0 1 1 0 1 0-2 0M8 1.8c1.8 0 3 2.8 3 6.2s-1.2 6.2-3 6.2S5 11.4 5 8s1.2-6.2 3-6.2ZM2.6 4.9c.9-1.6 3.9-1.2 6.9.5s4.8 4.1 3.9 5.7-3.9 1.2-6.9-.5-4.8-4.1-3.9-5.7Z',
  policy: 'M8 1.8 13 4v4c0 3-2 5.2-5 6.3C5 13.2 3 11 3 8V4zM5.8 8l1.6 1.6L10.4 6.4',
  violation: 'M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.4v.4',
  agent: 'M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.5M4.5 11h.5',
  report: 'M4 1.8h5.5L12.5 5v9.2H4zM9 2v3.5h3.5M6 8.5h4.5M6 11h4.5',
  settings: 'M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 3v3M5.5 10v3',
  api: 'M5.5 4 1.8 8l3.7 4M10.5 4l3.7 4-3.7 4',
  menu: 'M2 4h12M2 8h12M2 12h12',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13',
  moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z',
  contrast: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 2v12M8 5h4.5M8 8h6M8 11h4.5',
  logout: 'M6.5 2.5h-4v11h4M6 8h7.5M10.5 5 13.5 8l-3 3',
  user: 'M8 2.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4ZM2.8 14c.5-2.6 2.5-4 5.2-4s4.7 1.4 5.2 4',
  pause: 'M5.5 3v10M10.5 3v10',
  play: 'M4.5 2.8v10.4L13 8z',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3l3.4 3.4',
  download: 'M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  trash: 'M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.6 9h6.8l.6-9',
  fit: 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4',
  chevron: 'M6 3.5 10.5 8 6 12.5',
  check: 'M3 8.5 6.5 12 13 4.5',
  question: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.6M8 12.3v.4',
  'lock-open': 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 4.7-1.2',
  'lock-cracked': 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5M8.5 7.5 7 9.8l2 1.2-1.5 2.5',
  lock: 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  'lock-check': 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5M6 10.5l1.5 1.5 2.6-2.8',
  'lock-quantum':
    'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5M5.5 10.5h.01M8 10.5h.01M10.5 10.5h.01',
} as const;

export type IconName = keyof typeof PATHS;

interface Props {
  name: IconName;
  size?: number;
}

/** A line icon; always beside a text or in a labelled control, so hidden from screen readers. */
export function Icon({ name, size = 16 }: Props) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
