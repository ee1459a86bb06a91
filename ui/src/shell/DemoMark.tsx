import { useAuth } from '../api/auth';

/** Says that nothing here was seen on a network, where that is so. */
export function DemoMark() {
  const { info } = useAuth();
  if (!info.demo) return null;
  return (
    <span
      className="chip"
      title="These sessions are samples, and gone when the server ends. `tlsight up` without --demo shows this machine."
    >
      Sample data
    </span>
  );
}
