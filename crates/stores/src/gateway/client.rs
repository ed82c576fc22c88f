//! The HTTP of a gateway: one pool of connections, answers made into errors, tries again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _};
use std::sync::Arc;
use std::time::Duration;

use pulih_protocol::error::{Code, ERROR_HEADER, ErrorBody};
use pulih_protocol::hello::{Hello, Welcome};
use pulih_protocol::{MAX_BODY_BYTES, path};
use pulih_vault::id::{BadId, ObjectHash, VaultId};
use pulih_vault::store::{MAX_NAME_BYTES, ObjectName};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsConfigBuilder};
use ureq::{Agent, Body};

use super::error::GatewayError;
use super::lines::{BadList, lines};
use super::paced::Paced;
use super::turns::{Lineage, Turns, is_lineage};
use crate::retry;

const CONNECT: Duration = Duration::from_secs(20);
/// Silence on the line after which a request is given up and tried again.
const SILENCE: Duration = Duration::from_secs(60);
/// Until an answer to a question without a body has begun, however slowly its head comes.
const BEGIN: Duration = Duration::from_secs(180);
const HASH_DIGITS: usize = 64;

/// What lets an agent in.
#[derive(Clone)]
pub struct Credentials {
    /// `https://host:port`
    pub url: String,
    /// The site's CA, in PEM.
    pub ca: String,
    /// The agent's certificate and its key, in PEM.
    pub certificate: String,
    pub key: String,
}

pub struct Client {
    agent: Agent,
    url: String,
    /// `None`: asks for no objects.
    lineage: Option<Lineage>,
}

/// TLS settings that no feature of another crate in the build can change.
pub fn tls() -> TlsConfigBuilder {
    TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
}

fn is_about_an_object(code: Code) -> bool {
    matches!(code, Code::NotFound | Code::AlreadyExists | Code::Full | Code::OutOfRange)
}

/// A small body, whole.
fn text(answer: &mut Response<Body>) -> io::Result<String> {
    let body = answer.body_mut().with_config().limit(MAX_BODY_BYTES).reader();
    let mut text = String::new();
    Paced::new(body).read_to_string(&mut text)?;
    Ok(text)
}

/// A certificate of another key would end the process in the midst of the first request.
fn must_fit(certificate: &Certificate, key: &PrivateKey) -> Result<(), GatewayError> {
    let unfit = |error: rustls::Error| GatewayError::Credentials(error.to_string());
    let der = PrivateKeyDer::try_from(key.der()).map_err(|error| GatewayError::Credentials(error.to_string()))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&der).map_err(unfit)?;
    CertifiedKey::new(vec![certificate.der().to_vec().into()], key).keys_match().map_err(unfit)
}

impl Client {
    pub fn new(credentials: &Credentials) -> Result<Self, GatewayError> {
        let bad = |error: ureq::Error| GatewayError::Credentials(error.to_string());
        let certificate = Certificate::from_pem(credentials.certificate.as_bytes()).map_err(bad)?;
        let key = PrivateKey::from_pem(credentials.key.as_bytes()).map_err(bad)?;
        let ca = Certificate::from_pem(credentials.ca.as_bytes()).map_err(bad)?;
        must_fit(&certificate, &key)?;
        let tls = tls()
            .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
            .root_certs(RootCerts::new_with_certs(&[ca]))
            .build();
        Ok(Self::with(tls, &credentials.url))
    }

    pub fn with(tls: TlsConfig, url: &str) -> Self {
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            // Its answers are read, whatever they are.
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .build();
        Self { agent: config.into(), url: url.trim_end_matches('/').to_owned(), lineage: None }
    }

    /// The same client, which may ask for objects.
    #[must_use]
    pub fn taking_turns(self, turns: Box<dyn Turns>) -> Self {
        Self { lineage: Some(Lineage::new(turns)), ..self }
    }

    /// A hello may be sent again: the site knows it by its `next`.
    fn hello(&self, hello: &Hello) -> Result<Welcome, GatewayError> {
        match Self::trying(|| self.post::<Welcome>(path::HELLO, hello)) {
            Ok(welcome) if is_lineage(&welcome.lineage) => Ok(welcome),
            Ok(_) => Err(self.strange("a lineage that is none")),
            // Taken for an answer about the object that comes after it, this would be believed.
            Err(GatewayError::Refused { body, .. }) if is_about_an_object(body.code) => {
                Err(self.strange(format!("a hello is answered with: {}", body.message)))
            }
            Err(error) => Err(error),
        }
    }

    /// Asks about objects, as often as it takes, with the lineage that a hello gave.
    fn about_objects<T>(&self, mut once: impl FnMut(&str) -> Result<T, GatewayError>) -> Result<T, GatewayError> {
        match &self.lineage {
            Some(lineage) => lineage.with(&|hello| self.hello(hello), |lineage| Self::trying(|| once(lineage))),
            // The site says that a hello comes first.
            None => Self::trying(|| once("")),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(super) fn strange(&self, why: impl std::fmt::Display) -> GatewayError {
        GatewayError::Strange { url: self.url.clone(), why: why.to_string() }
    }

    /// The answer, if it is a success.
    fn checked(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, GatewayError> {
        let mut answer =
            answer.map_err(|source| GatewayError::Line { url: self.url.clone(), source: Box::new(source) })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let text = text(&mut answer).unwrap_or_default();
        let header = answer.headers().get(ERROR_HEADER).and_then(|value| value.to_str().ok());
        // An answer to HEAD has no body.
        let said = serde_json::from_str(&text).ok().or_else(|| header.and_then(|text| serde_json::from_str(text).ok()));
        let body = said.or_else(|| {
            // Nor has what a proxy on the way says.
            let code = Code::ALL.into_iter().find(|code| code.http_status() == status.as_u16())?;
            Some(ErrorBody::new(code, format!("status {status}")))
        });
        Err(match body {
            Some(body) => GatewayError::Refused { url: self.url.clone(), body },
            None => self.strange(format!("status {status}")),
        })
    }

    /// Tries until it succeeds, fails for good, or has been tried often enough.
    pub(super) fn trying<T>(mut once: impl FnMut() -> Result<T, GatewayError>) -> Result<T, GatewayError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match once() {
                Err(error) if error.is_transient() && tried < retry::TRIES => {
                    std::thread::sleep(retry::pause(tried, retry::noise()));
                }
                done => return done,
            }
        }
    }

    pub fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        Self::trying(|| self.json(self.checked(self.agent.get(self.at(path)).call())?))
    }

    /// Asked once, for who tries again by itself.
    pub fn get_json_once<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        self.json(self.checked(self.agent.get(self.at(path)).call())?)
    }

    fn json<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, GatewayError> {
        serde_json::from_str(&text(&mut answer).map_err(|e| self.strange(e))?).map_err(|e| self.strange(e))
    }

    /// Sent once: whether it may be sent again is the caller's to know.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, GatewayError> {
        self.json(self.checked(self.agent.post(self.at(path)).send_json(body))?)
    }

    /// Asked with the lineage that a hello gave, as often as it takes.
    pub fn get_in_turn<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        self.about_objects(|lineage| {
            self.json(self.checked(self.agent.get(self.at(path)).header(path::LINEAGE_HEADER, lineage).call())?)
        })
    }

    /// Sent with the lineage that a hello gave, as often as it takes: the site takes it once.
    pub fn post_in_turn<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, GatewayError> {
        self.about_objects(|lineage| {
            let request = self.agent.post(self.at(path)).header(path::LINEAGE_HEADER, lineage);
            self.json(self.checked(request.send_json(body))?)
        })
    }

    /// The same with a body that is no JSON.
    pub fn post_text<T: DeserializeOwned>(&self, path: &str, body: &str) -> Result<T, GatewayError> {
        self.json(self.checked(self.agent.post(self.at(path)).content_type("text/plain").send(body))?)
    }

    /// The same, whatever is answered: the status says what the body is.
    pub(super) fn ask_text(&self, path: &str, body: &str) -> Result<(u16, String), GatewayError> {
        let request = self.agent.post(self.at(path)).content_type("text/plain");
        let mut answer = request
            .send(body)
            .map_err(|source| GatewayError::Line { url: self.url.clone(), source: Box::new(source) })?;
        let status = answer.status().as_u16();
        Ok((status, text(&mut answer).map_err(|error| self.broken(error))?))
    }

    /// Asks for what the caller reads by itself, once.
    pub(super) fn get(&self, path: &str) -> Result<Response<Body>, GatewayError> {
        let request = self.agent.get(self.at(path)).config().timeout_recv_response(Some(BEGIN)).build();
        self.checked(request.call())
    }

    pub(super) fn head(&self, path: &str) -> Result<Response<Body>, GatewayError> {
        let request = self.agent.head(self.at(path)).config().timeout_recv_response(Some(BEGIN)).build();
        self.checked(request.call())
    }

    pub fn get_text(&self, path: &str) -> Result<String, GatewayError> {
        text(&mut self.get(path)?).map_err(|e| self.strange(e))
    }

    pub fn size(&self, object: &str) -> Result<u64, GatewayError> {
        self.about_objects(|lineage| {
            let answer = self.checked(self.agent.head(self.at(object)).header(path::LINEAGE_HEADER, lineage).call())?;
            let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok());
            length.and_then(|text| text.parse().ok()).ok_or_else(|| self.strange("no length"))
        })
    }

    /// Appends `len` bytes, which is not 0, from `offset` on.
    pub fn read(&self, object: &str, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), GatewayError> {
        let from = out.len();
        self.about_objects(|lineage| {
            out.truncate(from);
            let range = format!("bytes={offset}-{}", offset + len as u64 - 1);
            let request = self.agent.get(self.at(object)).header(path::LINEAGE_HEADER, lineage);
            let answer = self.checked(request.header("range", range).call());
            let mut answer = match answer {
                Err(GatewayError::Refused { body, .. }) if body.code == Code::OutOfRange => {
                    return Err(GatewayError::OutOfRange { size: self.size(object)? });
                }
                answer => answer?,
            };
            let limit = len as u64;
            let mut body = Paced::new(answer.body_mut().as_reader()).take(limit);
            body.read_to_end(out).map_err(|source| self.broken(source))?;
            if out.len() - from == len { Ok(()) } else { Err(GatewayError::OutOfRange { size: self.size(object)? }) }
        })
    }

    pub(super) fn broken(&self, source: io::Error) -> GatewayError {
        GatewayError::Line { url: self.url.clone(), source: Box::new(ureq::Error::Io(source)) }
    }

    fn is_there(&self, object: &str, lineage: &str) -> Result<bool, GatewayError> {
        let head = self.agent.head(self.at(object)).header(path::LINEAGE_HEADER, lineage);
        match self.checked(head.call()) {
            Ok(_) => Ok(true),
            Err(GatewayError::Refused { body, .. }) if body.code == Code::NotFound => Ok(false),
            // A vault whose first description is on its way is nobody's yet.
            Err(GatewayError::Refused { body, .. }) if body.code == Code::Forbidden => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn put(&self, object: &str, file: &mut File) -> Result<(), GatewayError> {
        let mut lost = false;
        self.about_objects(|lineage| {
            // An object whose answer was lost need not cross a slow line again.
            if lost && self.is_there(object, lineage)? {
                let body = ErrorBody::new(Code::AlreadyExists, "the object arrived with an earlier try");
                return Err(GatewayError::Refused { url: self.url.clone(), body });
            }
            file.rewind().map_err(GatewayError::Spool)?;
            let request = self.agent.put(self.at(object)).header(path::LINEAGE_HEADER, lineage);
            let done = self.checked(request.send(&*file)).map(|_| ());
            lost = matches!(&done, Err(GatewayError::Line { .. }));
            done
        })
    }

    pub fn list(&self, prefix: &ObjectName) -> Result<Vec<ObjectName>, GatewayError> {
        let path = format!("{}?prefix={prefix}", path::LIST);
        self.about_objects(|lineage| {
            let request = self.agent.get(self.at(&path)).header(path::LINEAGE_HEADER, lineage);
            let mut names = Vec::new();
            self.lines(self.checked(request.call())?, MAX_NAME_BYTES, |name| {
                name.parse().map(|name| names.push(name))
            })?;
            Ok(names)
        })
    }

    /// The packs of a vault that `path` lists.
    pub fn packs(&self, path: &str, vault: VaultId) -> Result<BTreeSet<ObjectHash>, GatewayError> {
        let path = format!("{path}?vault={vault}");
        Self::trying(|| {
            let mut packs = BTreeSet::new();
            let answer = self.agent.get(self.at(&path)).call();
            self.lines(self.checked(answer)?, HASH_DIGITS, |hash| hash.parse().map(|hash| _ = packs.insert(hash)))?;
            Ok(packs)
        })
    }

    pub(super) fn lines(
        &self,
        mut answer: Response<Body>,
        most_bytes: usize,
        each: impl FnMut(&str) -> Result<(), BadId>,
    ) -> Result<(), GatewayError> {
        lines(BufReader::new(Paced::new(answer.body_mut().as_reader())), most_bytes, each).map_err(
            |error| match error {
                BadList::Line(source) => self.broken(source),
                BadList::Strange(why) => self.strange(why),
            },
        )
    }
}
