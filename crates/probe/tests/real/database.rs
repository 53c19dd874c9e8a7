//! A PostgreSQL server that lives as long as the tests; those of the whole program use it too.

use crate::authority::Authority;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The password of the user `postgres`.
pub(crate) const PASSWORD: &str = "only-for-the-tests";

/// Whom the server runs as when the tests are root, which PostgreSQL refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// Ends with the process that holds its standard input, whichever way that ends, and leaves nothing behind.
const LIFE: &str = r#"
set -e
cd "$1"
initdb --pgdata=data --username=postgres --auth=scram-sha-256 --pwfile=password --no-sync --encoding=UTF8 >log 2>&1
cat settings >>data/postgresql.conf
sed -i '1i hostssl all readonly 127.0.0.1/32 trust' data/pg_hba.conf
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

impl Database {
    /// Starts a server whose certificate is for `name`. The user `readonly`, once there is one, needs no password.
    pub(crate) fn start(name: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("lifeboat-pg").tempdir().expect("a directory").keep();
        let port = free_port();
        let authority = Authority::new();
        let identity = authority.identity(name);
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
