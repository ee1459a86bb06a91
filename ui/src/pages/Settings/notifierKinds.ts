import type { NotifierKind } from '../../api/types';

export const KIND_LABELS: Record<NotifierKind, string> = {
  webhook: 'Webhook',
  alertmanager: 'Alertmanager',
  syslog: 'Syslog',
  slack: 'Slack',
  email: 'E-mail',
};

export interface Setting {
  key: string;
  label: string;
  hint?: string;
  choices?: readonly string[];
  optional?: boolean;
  /** Has several lines. */
  long?: boolean;
}

interface KindTerms {
  settings: readonly Setting[];
  /** What is written and never read back. */
  secret?: { label: string; hint: string };
}

const CA: Setting = {
  key: 'ca',
  label: 'Certificate authority',
  hint: 'In PEM. Empty: those that the system trusts.',
  optional: true,
  long: true,
};

/** What each kind needs to be told. */
export const KINDS: Record<NotifierKind, KindTerms> = {
  webhook: {
    settings: [{ key: 'format', label: 'Format', choices: ['json', 'stackrox'] }, CA],
    secret: { label: 'URL', hint: 'Kept secret: it often holds a token.' },
  },
  alertmanager: {
    settings: [{ key: 'url', label: 'URL', hint: 'Such as https://alertmanager:9093' }, CA],
    secret: { label: 'Bearer token', hint: 'Empty if none is needed.' },
  },
  syslog: {
    settings: [
      { key: 'address', label: 'Address', hint: 'HOST:PORT' },
      { key: 'transport', label: 'Transport', choices: ['udp', 'tcp'] },
      { key: 'format', label: 'Format', choices: ['json', 'cef'] },
    ],
  },
  slack: {
    settings: [CA],
    secret: { label: 'Webhook URL', hint: 'Kept secret: whoever has it can post.' },
  },
  email: {
    settings: [
      { key: 'server', label: 'SMTP server', hint: 'HOST:PORT' },
      { key: 'from', label: 'From' },
      { key: 'to', label: 'To', hint: 'Separated by commas' },
      { key: 'user', label: 'User', optional: true },
      { key: 'tls', label: 'Protection', choices: ['starttls', 'implicit', 'none'] },
      CA,
    ],
    secret: { label: 'Password', hint: 'Empty if none is needed.' },
  },
};
