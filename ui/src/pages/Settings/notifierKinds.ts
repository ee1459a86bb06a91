import type { NotifierKind } from '../../api/types';

export const KIND_LABELS: Record<NotifierKind, string> = {
  webhook: 'Webhook',
  alertmanager: 'Alertmanager',
  syslog: 'Syslog',
  slack: 'Slack',
  email: 'E-mail',
};

interface Setting {
  key: string;
  label: string;
  hint?: string;
  choices?: readonly string[];
  optional?: boolean;
}

interface KindTerms {
  settings: readonly Setting[];
  /** What is written and never read back. */
  secret?: { label: string; hint: string };
}

/** What each kind needs to be told. */
export const KINDS: Record<NotifierKind, KindTerms> = {
  webhook: {
    settings: [{ key: 'format', label: 'Format', choices: ['generic', 'stackrox'] }],
    secret: { label: 'URL', hint: 'Kept secret: it often holds a token.' },
  },
  alertmanager: {
    settings: [{ key: 'url', label: 'URL', hint: 'Such as https://alertmanager:9093' }],
    secret: { label: 'Bearer token', hint: 'Empty if none is needed.' },
  },
  syslog: {
    settings: [
      { key: 'address', label: 'Address', hint: 'HOST:PORT' },
      { key: 'protocol', label: 'Protocol', choices: ['tls', 'tcp', 'udp'] },
      { key: 'format', label: 'Format', choices: ['rfc5424', 'cef'] },
    ],
  },
  slack: {
    settings: [],
    secret: { label: 'Webhook URL', hint: 'Kept secret: whoever has it can post.' },
  },
  email: {
    settings: [
      { key: 'server', label: 'SMTP server', hint: 'HOST:PORT' },
      { key: 'from', label: 'From' },
      { key: 'to', label: 'To', hint: 'Separated by commas' },
      { key: 'user', label: 'User', optional: true },
    ],
    secret: { label: 'Password', hint: 'Empty if none is needed.' },
  },
};
