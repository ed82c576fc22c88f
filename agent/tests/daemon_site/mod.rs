//! A site's gateway as far as an agent sees it, in the test's own process: it keeps objects in
//! memory, hands out a policy, and remembers what was reported. It checks nothing: what the real
//! gateway refuses is tested with the real one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use pulih_agent::state::{Site, StateDir};
use pulih_protocol::enroll::{LapsedRenewal, Renewal, Renewed};
use pulih_protocol::error::{Code, ErrorBody};
use pulih_protocol::path;
use pulih_protocol::policy::PolicyInForce;
use pulih_protocol::report::{AgentView, DatasetView, PointView, Report, ReportTaken, VaultView};
use pulih_stores::Credentials;
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

pub const NOW: &str = "2026-11-22T00:00:00Z";

/// What the site does and what it has seen.
#[derive(Default)]
pub struct Inner {
    pub policy: String,
    pub approved: bool,
    /// Puts of packs are refused as `internal`: the store's disk is gone, say.
    pub refuse_packs: bool,
    pub renew: bool,
    pub objects: BTreeMap<String, Vec<u8>>,
    pub reports: Vec<Report>,
}

pub struct FakeSite {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    renewals: Arc<AtomicUsize>,
    credentials: Credentials,
}

impl FakeSite {
    pub fn start(policy: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = || {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            (params.signed_by(&key, &ca).unwrap(), key)
        };
        let ((gateway, gateway_key), (agent, agent_key)) = (issue(), issue());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![gateway.der().clone()],
                PrivateKeyDer::try_from(gateway_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let credentials =
            Credentials { url: url.clone(), ca: ca.pem(), certificate: agent.pem(), key: agent_key.serialize_pem() };
        let inner = Arc::new(Mutex::new(Inner { policy: policy.to_owned(), approved: true, ..Inner::default() }));
        let renewals = Arc::new(AtomicUsize::new(0));
        let (config, its_inner, its_renewals) = (Arc::new(config), inner.clone(), renewals.clone());
        let ca = Arc::new(ca);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(config.clone()).unwrap();
                let peer = Peer { inner: its_inner.clone(), renewals: its_renewals.clone(), ca: ca.clone() };
                // A peer that goes away ends its connection and nothing else.
                std::thread::spawn(move || peer.serve(StreamOwned::new(connection, stream)));
            }
        });
        Self { url, inner, renewals, credentials }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn renewals(&self) -> usize {
        self.renewals.load(Ordering::Relaxed)
    }

    /// Writes down that the agent of this state is enrolled.
    pub fn enroll(&self, state: &StateDir, not_after: &str) {
        let credentials = self.credentials.clone();
        let (agent, opd, name) = ("app-1".to_owned(), "dinkes".to_owned(), "Pusat Data Uji".to_owned());
        let site =
            Site { credentials, agent, opd, name, owner: String::new(), not_after: not_after.to_owned(), drc_ca: None };
        state.save_site(&site).unwrap();
    }
}

struct Peer {
    inner: Arc<Mutex<Inner>>,
    renewals: Arc<AtomicUsize>,
    ca: Arc<CertifiedIssuer<'static, KeyPair>>,
}

type Answer = (u16, Vec<u8>);

fn json_of(value: &impl serde::Serialize) -> Answer {
    (200, serde_json::to_vec(value).unwrap())
}

fn refused(code: Code) -> Answer {
    let body = ErrorBody::new(code, "the fake site refuses");
    (code.http_status(), serde_json::to_vec(&body).unwrap())
}

impl Peer {
    fn serve(&self, stream: StreamOwned<ServerConnection, TcpStream>) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok().filter(|&len| len > 0)?;
            let mut words = line.split(' ');
            let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
            let mut headers = BTreeMap::new();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).ok()?;
                let Some((name, value)) = line.trim_end().split_once(": ") else { break };
                headers.insert(name.to_lowercase(), value.to_owned());
            }
            let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
            assert!(!headers.contains_key("transfer-encoding"), "the gateway needs a length");
            let mut body = vec![0; length];
            stream.read_exact(&mut body).ok()?;
            let (status, answer) = self.answer(&method, &target, headers.get("range"), body);
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.get_mut().write_all(head.as_bytes()).ok()?;
            if method != "HEAD" {
                stream.get_mut().write_all(&answer).ok()?;
            }
            stream.get_mut().flush().ok()?;
        }
    }

    fn answer(&self, method: &str, target: &str, range: Option<&String>, body: Vec<u8>) -> Answer {
        let mut inner = self.inner.lock().unwrap();
        let hash = blake3::hash(inner.policy.as_bytes()).to_string();
        match (method, target) {
            ("POST", path::HELLO) => json_of(&json!({"lineage": "x", "rejoined": false, "at": NOW})),
            ("GET", path::AGENT) => json_of(&inner.view()),
            ("GET", path::POLICY) => {
                json_of(&PolicyInForce { hash, text: inner.policy.clone(), applied: NOW.to_owned() })
            }
            ("POST", path::REPORT) => {
                inner.reports.push(serde_json::from_slice(&body).unwrap());
                json_of(&ReportTaken { at: NOW.to_owned(), policy: hash, renew: inner.renew })
            }
            ("POST", path::RENEW | path::RENEW_LAPSED) => {
                let csr = if target == path::RENEW {
                    serde_json::from_slice::<Renewal>(&body).unwrap().csr
                } else {
                    let line = body.split(|&byte| byte == b'\n').next().unwrap();
                    serde_json::from_slice::<LapsedRenewal>(line).unwrap().csr
                };
                let certificate = CertificateSigningRequestParams::from_pem(&csr).unwrap().signed_by(&self.ca).unwrap();
                self.renewals.fetch_add(1, Ordering::Relaxed);
                inner.renew = false;
                let not_after = "2027-02-20T00:00:00Z".to_owned();
                json_of(&Renewed { certificate: certificate.pem(), not_after })
            }
            _ => inner.object(method, target, range, body),
        }
    }
}

impl Inner {
    fn object(&mut self, method: &str, target: &str, range: Option<&String>, body: Vec<u8>) -> Answer {
        if let Some(prefix) = target.strip_prefix(&format!("{}?prefix=", path::LIST)) {
            let below = self.objects.keys().filter(|name| name.starts_with(&format!("{prefix}/")));
            let lines: Vec<&str> = below.map(String::as_str).chain(["", ""]).collect();
            return (200, lines.join("\n").into_bytes());
        }
        if target.starts_with(&format!("{}?vault=", path::DOOMED)) {
            return (200, b"\n".to_vec());
        }
        let Some(name) = target.strip_prefix(path::OBJECTS).map(str::to_owned) else {
            return refused(Code::NotFound);
        };
        if method == "PUT" {
            if self.refuse_packs && name.contains("/packs/") {
                return refused(Code::Forbidden);
            }
            self.objects.insert(name, body);
            return (201, Vec::new());
        }
        let Some(object) = self.objects.get(&name) else { return refused(Code::NotFound) };
        let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
            return (200, object.clone());
        };
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        match object.get(from..object.len().min(to + 1)) {
            Some(part) if !part.is_empty() => (206, part.to_vec()),
            _ => refused(Code::OutOfRange),
        }
    }

    /// Every snapshot is a recovery point.
    fn view(&self) -> AgentView {
        let mut vaults: BTreeMap<String, BTreeMap<String, Option<PointView>>> = BTreeMap::new();
        for name in self.objects.keys() {
            let parts: Vec<&str> = name.split('/').collect();
            let datasets = vaults.entry(parts[1].to_owned()).or_default();
            if self.approved {
                for dataset in ["letters", "site"] {
                    datasets.entry(dataset.to_owned()).or_default();
                }
            }
            if let ["vaults", _, "snapshots", dataset, snapshot] = parts[..] {
                let [accepted, captured] = [NOW, NOW].map(str::to_owned);
                let point = PointView { snapshot: snapshot.to_owned(), accepted, captured, at_drc: None };
                datasets.insert(dataset.to_owned(), Some(point));
            }
        }
        let dataset = |(dataset, newest)| DatasetView { dataset, approved: self.approved, newest };
        let vaults = vaults.into_iter().map(|(vault, datasets)| VaultView {
            vault,
            class: "non-publik".to_owned(),
            datasets: datasets.into_iter().map(dataset).collect(),
        });
        let (agent, opd, site) = ("app-1".to_owned(), "dinkes".to_owned(), "Pusat Data Uji".to_owned());
        AgentView { agent, opd, site, at: NOW.to_owned(), vaults: vaults.collect() }
    }
}

/// Objects by kind: `packs`, `snapshots`, ….
pub fn count(site: &FakeSite, kind: &str) -> usize {
    site.inner().objects.keys().filter(|name| name.split('/').nth(2) == Some(kind)).count()
}

/// Fields of what a command printed.
pub fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}
