import { Empty } from '../components/States';
import { Page } from './Page';

export function NotFound() {
  return (
    <Page title="Not found">
      <Empty title="There is no such page">Choose one from the navigation.</Empty>
    </Page>
  );
}
