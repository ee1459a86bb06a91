//! A made-up cluster: who talks to whom in the demo.

/// A workload of the cluster, or a host outside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Namespace; none for hosts outside of the cluster.
    pub(super) namespace: Option<&'static str>,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) image: &'static str,
    pub(super) executable: &'static str,
    pub(super) address: [u8; 4],
}

/// Who talks to whom, as in one of the samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) source: Place,
    pub(super) destination: Place,
    pub(super) port: u16,
    pub(super) server_name: &'static str,
    /// Name of the sample.
    pub(super) sample: &'static str,
    /// Sessions a day.
    pub(super) sessions: u32,
    /// Days until the certificate ends, where it is visible.
    pub(super) days_left: i64,
}

const fn pod(
    namespace: &'static str,
    kind: &'static str,
    name: &'static str,
    image: &'static str,
    executable: &'static str,
    last: u8,
) -> Place {
    Place { namespace: Some(namespace), kind, name, image, executable, address: [10, 244, 1, last] }
}

/// Who answers for the workloads of a namespace.
pub(super) fn owner(namespace: &str) -> &'static str {
    match namespace {
        "shop" => "storefront",
        "payments" => "payments",
        "legacy" => "back-office",
        _ => "platform",
    }
}

const fn host(name: &'static str, address: [u8; 4]) -> Place {
    Place { namespace: None, kind: "", name, image: "", executable: "", address }
}

const GATEWAY: Place = pod("ingress", "Deployment", "gateway", "nginx:1.27", "/usr/sbin/nginx", 10);
const SHOP: Place = pod("shop", "Deployment", "shop", "shop:2.4.1", "/usr/local/bin/node", 20);
const CART: Place = pod("shop", "Deployment", "cart", "cart:1.9.0", "/app/cart", 21);
const CATALOG: Place = pod("shop", "StatefulSet", "catalog", "catalog:3.2.0", "/app/catalog", 22);
const PAYMENT: Place =
    pod("payments", "Deployment", "payment", "payment:5.0.2", "/app/payment", 30);
const LEDGER: Place = pod(
    "payments",
    "StatefulSet",
    "ledger-db",
    "postgres:16",
    "/usr/lib/postgresql/16/bin/postgres",
    31,
);
const FRAUD: Place =
    pod("payments", "Deployment", "fraud", "fraud:0.8.3", "/usr/bin/python3.12", 32);
const MAILER: Place = pod("platform", "Deployment", "mailer", "mailer:1.1.0", "/app/mailer", 40);
const METRICS: Place =
    pod("platform", "StatefulSet", "metrics", "prometheus:3.5", "/bin/prometheus", 41);
const BACKUP: Place = pod("platform", "CronJob", "backup", "backup:0.3.0", "/usr/bin/curl", 42);
const REPORTS: Place =
    pod("legacy", "Deployment", "reports", "reports:2011", "/opt/reports/bin/java", 50);
const ORDERS: Place =
    pod("legacy", "StatefulSet", "orders-db", "mariadb:10.3", "/usr/sbin/mariadbd", 51);

const BROWSERS: Place = host("", [203, 0, 113, 7]);
const BANK: Place = host("", [203, 0, 113, 80]);
const MAIL: Place = host("", [203, 0, 113, 25]);
const OBJECTS: Place = host("", [203, 0, 113, 90]);
const PRINTER: Place = host("", [192, 168, 20, 9]);

const fn talk(
    source: Place,
    destination: Place,
    port: u16,
    server_name: &'static str,
    sample: &'static str,
    sessions: u32,
    days_left: i64,
) -> Talk {
    Talk { source, destination, port, server_name, sample, sessions, days_left }
}

pub(super) const TALKS: &[Talk] = &[
    talk(BROWSERS, GATEWAY, 443, "shop.example.test", "pq-hybrid", 620, 61),
    talk(BROWSERS, GATEWAY, 443, "shop.example.test", "chromium-nginx", 240, 61),
    talk(BROWSERS, GATEWAY, 443, "shop.example.test", "quic-chromium", 180, 61),
    talk(BROWSERS, GATEWAY, 443, "shop.example.test", "tls12-ecdsa", 60, 61),
    talk(GATEWAY, SHOP, 8443, "shop.shop.svc", "pq-hybrid", 400, 80),
    talk(SHOP, CART, 8443, "cart.shop.svc", "node", 260, 80),
    talk(SHOP, CATALOG, 8443, "catalog.shop.svc", "gnutls", 240, 80),
    talk(CART, PAYMENT, 8443, "payment.payments.svc", "tls12-ecdsa", 120, 12),
    talk(PAYMENT, LEDGER, 5432, "ledger-db.payments.svc", "postgres", 150, 200),
    talk(PAYMENT, FRAUD, 8443, "fraud.payments.svc", "curl-nginx", 90, 80),
    talk(PAYMENT, BANK, 443, "api.bank.example", "tls12-dhe", 70, 330),
    talk(FRAUD, BANK, 443, "scores.bank.example", "pq-hybrid", 40, 330),
    talk(MAILER, MAIL, 587, "smtp.example.test", "starttls-smtp", 45, 25),
    talk(METRICS, SHOP, 9443, "shop.shop.svc", "tls12-ticket", 96, 80),
    talk(METRICS, PAYMENT, 9443, "payment.payments.svc", "tls12-ticket", 96, 12),
    talk(BACKUP, OBJECTS, 443, "objects.example.test", "curl-nginx", 24, 150),
    talk(REPORTS, ORDERS, 3306, "", "mariadb", 64, 700),
    talk(REPORTS, PAYMENT, 8443, "payment.payments.svc", "tls10", 30, 12),
    talk(REPORTS, PRINTER, 443, "printer.example.test", "tls12-static-rsa", 12, -40),
    talk(REPORTS, PRINTER, 631, "printer.example.test", "tls12-rc4", 6, -40),
    talk(BACKUP, REPORTS, 8443, "reports.legacy.svc", "tls12-self-signed", 24, 5),
    talk(BACKUP, PAYMENT, 8443, "payment.payments.svc", "alert-unknown-ca", 8, 12),
];
