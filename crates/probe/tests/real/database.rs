//! A PostgreSQL server that lives as long as the tests.

use crate::authority::Authority;
use lifeboat_engine::clock::Clock;
use lifeboat_probe::connect_to::{Address, ConnectTo};
use lifeboat_probe::real;
use lifeboat_probe::sql::{Access, Rows, SqlError, SqlRequest};
use lifeboat_probe::tls::Tls;
use lifeboat_runbook::value::{Secret, Value};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// The name in the server's certificate.
pub(crate) const NAME: &str = "db.test";

/// The password of every user.
pub(crate) const PASSWORD: &str = "only-for-the-tests";

/// Whom the server runs as when the tests are root, which PostgreSQL refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// Ends with the process that holds its standard input, whichever way that ends, and leaves nothing behind.
const LIFE: &str = r#"
set -e
cd "$1"
initdb --pgdata=data --username=postgres --auth=scram-sha-256 --pwfile=password --no-sync --encoding=UTF8 >log 2>&1
cat settings >>data/postgresql.conf
pg_ctl --pgdata=data --log=log --wait --silent start >>log 2>&1 || { cat log; exit 1; }
echo ready
read -r _ || true
pg_ctl --pgdata=data --mode=immediate --silent stop >>log 2>&1 || true
cd /
rm -rf "$1"
"#;

/// A running server.
pub(crate) struct Database {
    /// Where it listens.
    pub(crate) port: u16,
    /// The authority behind its certificate.
    pub(crate) ca: PathBuf,
    /// Its standard input is what keeps the server alive.
    _life: Child,
}

/// The one that all tests share.
pub(crate) static DATABASE: LazyLock<Database> = LazyLock::new(Database::start);

impl Database {
    fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("lifeboat-pg").tempdir().expect("a directory").keep();
        let port = free_port();
        let authority = Authority::new();
        let identity = authority.identity(NAME);
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\nssl = on\n\
             ssl_cert_file = '../server.crt'\nssl_key_file = '../server.key'\ntimezone = 'Europe/Berlin'\n"
        );
        for (name, text) in [
            ("password", PASSWORD),
            ("settings", &settings),
            ("server.crt", &identity.certificate),
            ("server.key", &identity.key),
            ("ca.pem", &authority.root()),
        ] {
            write_private(&directory.join(name), text);
        }
        let life = live(&directory);
        Self { port, ca: directory.join("ca.pem"), _life: life }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("permissions");
    if is_root() {
        chown(path, Some(NOBODY), None).expect("another owner");
    }
}

fn live(directory: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", LIFE, "sh"]).arg(directory).stdin(Stdio::piped()).stdout(Stdio::piped());
    if is_root() {
        chown(directory, Some(NOBODY), None).expect("another owner");
        command.uid(NOBODY);
    }
    let mut child = command.spawn().expect("sh");
    let mut said = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut said).expect("its first line");
    assert_eq!(
        said.trim(),
        "ready",
        "PostgreSQL does not start (are `initdb` and `pg_ctl` on the PATH? scripts/test puts them there); \
         its log: {}",
        fs::read_to_string(directory.join("log")).unwrap_or_default()
    );
    child
}

/// A question to the shared server, over TLS that is verified.
pub(crate) fn question(sql: &str) -> SqlRequest {
    SqlRequest {
        address: Address::new(NAME, 5432),
        connect: Address::new("127.0.0.1", DATABASE.port),
        database: "postgres".into(),
        user: "postgres".into(),
        password: Some(Secret::new("password", PASSWORD)),
        tls: Tls::Ca(DATABASE.ca.clone()),
        sql: sql.into(),
        params: Vec::new(),
        timeout: Duration::from_secs(20),
        access: Access::Read,
    }
}

/// A statement that changes something.
pub(crate) fn change(sql: &str) -> SqlRequest {
    SqlRequest { access: Access::Modify, ..question(sql) }
}

/// Asks on the real clock.
pub(crate) async fn ask(request: &SqlRequest) -> Result<Rows, SqlError> {
    real::ports(&Clock::real(), ConnectTo::default()).sql.query(request).await
}

/// The code and the words of a refusal.
pub(crate) async fn refusal(request: &SqlRequest) -> (&'static str, String) {
    let error = ask(request).await.expect_err("a refusal");
    (error.code(), error.to_string())
}

/// The one row of an answer.
pub(crate) async fn row(request: &SqlRequest) -> Value {
    let Rows { rows, .. } = ask(request).await.expect("an answer");
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().map(Value::Map).expect("a row")
}
