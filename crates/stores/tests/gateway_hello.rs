//! What goes over the line to a site: a hello before the first object, the lineage with each, and
//! lists that are believed only when they are whole. The site is a few lines of this test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use pulih_protocol::error::{Code, ErrorBody};
use pulih_protocol::hello::{Hello, Welcome};
use pulih_stores::{Credentials, GatewayError, GatewayStore, Turns};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::store::{Store, StoreError};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came: its first line, and the lineage in its header.
type Asked = (String, Option<String>);

struct Site {
    credentials: Credentials,
    asked: Arc<Mutex<Vec<Asked>>>,
    spool: tempfile::TempDir,
}

impl Site {
    /// Answers each request with a status and a body.
    fn new(answer: impl Fn(&str, Option<&str>) -> (u16, String) + Send + 'static) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (config, log) = (Arc::new(config), asked.clone());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(config.clone()).unwrap();
                // A client that goes away is not this site's concern.
                let _ = serve(StreamOwned::new(connection, stream.unwrap()), &answer, &log);
            }
        });
        let (pem, key) = (certificate.pem(), key.serialize_pem());
        let credentials = Credentials { url, ca: pem.clone(), certificate: pem, key };
        Self { credentials, asked, spool: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> GatewayStore {
        GatewayStore::open(&self.credentials, self.spool.path(), Box::new(Once)).unwrap()
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    answer: &impl Fn(&str, Option<&str>) -> (u16, String),
    log: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let request = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (mut lineage, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "pulih-lineage" => lineage = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    std::io::Read::read_exact(&mut stream, &mut body)?;
    let (status, body) = answer(&request, lineage.as_deref());
    log.lock().unwrap().push((request, lineage));
    let stream = stream.get_mut();
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Turns that are kept nowhere.
struct Once;

impl Turns for Once {
    fn take(&self, say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>) -> Result<Welcome, GatewayError> {
        let text = || "0".repeat(32);
        let (machine, host, program) = ("0".repeat(64), text(), text());
        say(&Hello { lineage: None, last: None, next: text(), machine, host, program })
    }
}

fn welcome(lineage: &str) -> (u16, String) {
    (200, format!(r#"{{"lineage": "{lineage}", "rejoined": false, "at": "2026-11-22T00:00:00Z"}}"#))
}

fn refusal(code: Code) -> (u16, String) {
    (code.http_status(), serde_json::to_string(&ErrorBody::new(code, "no")).unwrap())
}

fn object() -> pulih_vault::store::ObjectName {
    "vaults/x/y".parse().unwrap()
}

#[test]
fn one_hello_goes_before_all_objects_and_its_lineage_with_each() {
    let site = Site::new(|request, _| match request {
        "POST /v1/hello" => welcome("line-1"),
        "GET /v1/list?prefix=vaults" => (200, "vaults/a\n\n".into()),
        _ => (201, String::new()),
    });
    let store = site.store();
    store.create(&object(), b"bytes").unwrap();
    let mut names = 0;
    store.list(&"vaults".parse().unwrap(), &mut |_| names += 1).unwrap();
    let with = Some("line-1".to_owned());
    let expected = [
        ("POST /v1/hello".to_owned(), None),
        ("PUT /v1/objects/vaults/x/y".to_owned(), with.clone()),
        ("GET /v1/list?prefix=vaults".to_owned(), with),
    ];
    assert_eq!((names, site.asked()), (1, expected.to_vec()));
}

#[test]
fn a_site_that_forgot_the_lineage_is_told_hello_again() {
    let hellos = Mutex::new(0);
    let site = Site::new(move |request, lineage| match (request, lineage) {
        ("POST /v1/hello", _) => {
            let mut hellos = hellos.lock().unwrap();
            *hellos += 1;
            welcome(&format!("line-{hellos}"))
        }
        (_, Some("line-2")) => (201, String::new()),
        _ => refusal(Code::HelloFirst),
    });
    site.store().create(&object(), b"bytes").unwrap();
    let asked: Vec<String> = site.asked().into_iter().map(|(request, _)| request).collect();
    let put = "PUT /v1/objects/vaults/x/y";
    assert_eq!(asked, ["POST /v1/hello", put, "POST /v1/hello", put]);
}

#[test]
fn a_clone_gets_no_further_than_hello() {
    let site = Site::new(|_, _| refusal(Code::Clone));
    let error = site.store().create(&object(), b"bytes").unwrap_err();
    assert_eq!(pulih_stores::gateway::refusal(&error), Some(Code::Clone));
    assert_eq!(site.asked().len(), 1);
}

#[test]
fn a_refused_hello_says_nothing_of_the_object() {
    // A site of another version: no such path. The object may be there all the same.
    let site = Site::new(|_, _| refusal(Code::NotFound));
    let error = site.store().size(&object()).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn a_lineage_that_would_add_a_header_is_refused() {
    let site = Site::new(|_, _| welcome(r"x\r\npulih-lineage: y"));
    assert!(site.store().create(&object(), b"bytes").is_err());
    assert_eq!(site.asked().len(), 1);
}

#[test]
fn packs_that_are_unwanted_are_listed() {
    let pack = ObjectHash([0xab; 32]);
    let list = format!("{pack}\n\n");
    let site = Site::new(move |_, _| (200, list.clone()));
    let vault = VaultId([1; 16]);
    assert_eq!(site.store().doomed(vault).unwrap().into_iter().collect::<Vec<_>>(), [pack]);
    assert_eq!(site.store().avoided(vault).unwrap().into_iter().collect::<Vec<_>>(), [pack]);
    let asked: Vec<String> = site.asked().into_iter().map(|(request, _)| request).collect();
    assert_eq!(asked, ["doomed", "avoided"].map(|list| format!("GET /v1/{list}?vault={vault}")));
    let site = Site::new(|_, _| (200, "no hash\n\n".into()));
    assert!(matches!(site.store().doomed(vault), Err(GatewayError::Strange { .. })));
    assert!(matches!(site.store().avoided(vault), Err(GatewayError::Strange { .. })));
}

#[test]
fn a_site_that_lists_no_avoided_packs_avoids_none() {
    let site = Site::new(|_, _| refusal(Code::NotFound));
    assert!(site.store().avoided(VaultId([1; 16])).unwrap().is_empty());
    let site = Site::new(|_, _| refusal(Code::Forbidden));
    assert!(site.store().avoided(VaultId([1; 16])).is_err());
}
