import { useAuth } from '../api/auth';
import { Icon, type IconName } from '../components/Icon';
import { chooseTheme, useThemeChoice, type ThemeChoice } from '../theme/theme';

const NEXT: Record<ThemeChoice, [next: ThemeChoice, icon: IconName, label: string]> = {
  system: ['light', 'contrast', 'Theme: as the system'],
  light: ['dark', 'sun', 'Theme: light'],
  dark: ['system', 'moon', 'Theme: dark'],
};

export function UserMenu() {
  const { info, logout } = useAuth();
  const [next, icon, label] = NEXT[useThemeChoice()];
  return (
    <div className="user-menu">
      <button
        type="button"
        className="button quiet icon"
        aria-label={label}
        title={label}
        onClick={() => chooseTheme(next)}
      >
        <Icon name={icon} />
      </button>
      <span className="user-name" title={`Role: ${info.role ?? 'none'}`}>
        <Icon name="user" />
        <span className="truncate">{info.user}</span>
        <span className="chip">{info.role}</span>
      </span>
      <button type="button" className="button small" onClick={() => void logout()}>
        <Icon name="logout" size={14} />
        <span className="logout-label">Log out</span>
      </button>
    </div>
  );
}
