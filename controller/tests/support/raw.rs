//! Requests as no agent of ours would send them: bytes over TLS, with an enrolled server's
//! certificate or without one.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::Server;

pub struct Raw {
    config: Arc<ClientConfig>,
    address: String,
    /// The lineage that the server has, if it has said hello.
    lineage: Option<String>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Raw {
    /// As the server, or with its CA only.
    pub fn of(server: &Server, with_certificate: bool) -> Self {
        let site: Value = serde_json::from_slice(&std::fs::read(server.path("state/site.json")).unwrap()).unwrap();
        let turn = std::fs::read(server.path("state/turn.json")).ok();
        let turn: Option<Value> = turn.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let lineage = turn.and_then(|turn| turn["lineage"].as_str().map(str::to_owned));
        Self { lineage, ..Self::with(&site, with_certificate) }
    }

    /// With what `credentials` has: `url`, `ca`, `certificate`, `key`.
    pub fn with(credentials: &Value, with_certificate: bool) -> Self {
        let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(text("ca").as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let config = if with_certificate {
            let chain = vec![CertificateDer::from_pem_slice(text("certificate").as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(text("key").as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        } else {
            config.with_no_client_auth()
        };
        let address = text("url").trim_start_matches("https://").to_owned();
        Self { config: Arc::new(config), address, lineage: None }
    }

    pub fn without_lineage(mut self) -> Self {
        self.lineage = None;
        self
    }

    pub fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let tcp = TcpStream::connect(&self.address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(self.config.clone(), name).unwrap(), tcp)
    }

    /// The head of a request, with what the contract asks for.
    pub fn head(&self, method: &str, path: &str, length: u64) -> String {
        let lineage = self.lineage.as_ref().map(|its| format!("pulih-lineage: {its}\r\n")).unwrap_or_default();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{lineage}\r\n"
        )
    }

    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(self.head(method, path, body.len() as u64).as_bytes()).unwrap();
        // A body that is refused early is not read to its end.
        let _ = stream.write_all(body);
        answer(&mut stream)
    }
}

/// Reads to the end of the connection, however it ends.
pub fn answer(stream: &mut impl io::Read) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no answer but {:?}", String::from_utf8_lossy(&bytes));
    });
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = bytes.split_off(end + 4);
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Answer { status, body }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        out.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    out
}
