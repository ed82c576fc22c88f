//! The HTTP of a gateway: one pool of connections, answers made into errors, tries again.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::sync::Arc;
use std::time::Duration;

use pulih_protocol::error::{Code, ErrorBody};
use pulih_protocol::{MAX_BODY_BYTES, path};
use pulih_vault::store::{MAX_NAME_BYTES, ObjectName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsConfigBuilder};
use ureq::{Agent, Body};

use super::error::GatewayError;
use crate::retry;

const CONNECT: Duration = Duration::from_secs(20);
/// Silence on the line after which a request is given up and tried again.
const SILENCE: Duration = Duration::from_secs(60);
/// Names in one list: a vault of 100 TiB has three million packs.
const MAX_NAMES: usize = 10_000_000;

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
}

/// TLS settings that no feature of another crate in the build can change.
pub fn tls() -> TlsConfigBuilder {
    TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
}

impl Client {
    pub fn new(credentials: &Credentials) -> Result<Self, GatewayError> {
        let bad = |error: ureq::Error| GatewayError::Credentials(error.to_string());
        let certificate = Certificate::from_pem(credentials.certificate.as_bytes()).map_err(bad)?;
        let key = PrivateKey::from_pem(credentials.key.as_bytes()).map_err(bad)?;
        let ca = Certificate::from_pem(credentials.ca.as_bytes()).map_err(bad)?;
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
        Self { agent: config.into(), url: url.trim_end_matches('/').to_owned() }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn strange(&self, why: impl ToString) -> GatewayError {
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
        let text = answer.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_string().unwrap_or_default();
        let body = serde_json::from_str(&text).ok().or_else(|| {
            // A HEAD has no body, and neither has what a proxy on the way says.
            let code = Code::ALL.into_iter().find(|code| code.http_status() == status.as_u16())?;
            Some(ErrorBody::new(code, format!("status {status}")))
        });
        Err(match body {
            Some(body) => GatewayError::Refused { url: self.url.clone(), body },
            None => self.strange(format!("status {status}")),
        })
    }

    /// Tries until it succeeds, fails for good, or has been tried often enough.
    fn trying<T>(&self, mut once: impl FnMut() -> Result<T, GatewayError>) -> Result<T, GatewayError> {
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
        self.trying(|| self.json(self.checked(self.agent.get(self.at(path)).call())?))
    }

    fn json<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, GatewayError> {
        let text = answer.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_string();
        serde_json::from_str(&text.map_err(|e| self.strange(e))?).map_err(|e| self.strange(e))
    }

    /// Sent once: whether it may be sent again is the caller's to know.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, GatewayError> {
        self.json(self.checked(self.agent.post(self.at(path)).send_json(body))?)
    }

    pub fn get_text(&self, path: &str) -> Result<String, GatewayError> {
        let mut answer = self.checked(self.agent.get(self.at(path)).call())?;
        answer.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_string().map_err(|e| self.strange(e))
    }

    pub fn size(&self, path: &str) -> Result<u64, GatewayError> {
        self.trying(|| {
            let answer = self.checked(self.agent.head(self.at(path)).call())?;
            let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok());
            length.and_then(|text| text.parse().ok()).ok_or_else(|| self.strange("no length"))
        })
    }

    /// Appends `len` bytes, which is not 0, from `offset` on.
    pub fn read(&self, path: &str, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), GatewayError> {
        let from = out.len();
        self.trying(|| {
            out.truncate(from);
            let range = format!("bytes={offset}-{}", offset + len as u64 - 1);
            let answer = self.checked(self.agent.get(self.at(path)).header("range", range).call());
            let mut answer = match answer {
                Err(GatewayError::Refused { body, .. }) if body.code == Code::OutOfRange => {
                    return Err(GatewayError::OutOfRange { size: self.size(path)? });
                }
                answer => answer?,
            };
            let limit = len as u64;
            let mut body = answer.body_mut().as_reader().take(limit);
            body.read_to_end(out).map_err(|source| self.broken(source))?;
            if out.len() - from == len {
                Ok(())
            } else {
                Err(GatewayError::OutOfRange { size: self.size(path)? })
            }
        })
    }

    fn broken(&self, source: std::io::Error) -> GatewayError {
        GatewayError::Line { url: self.url.clone(), source: Box::new(ureq::Error::Io(source)) }
    }

    pub fn put(&self, path: &str, file: &mut File) -> Result<(), GatewayError> {
        self.trying(|| {
            file.rewind().map_err(GatewayError::Spool)?;
            self.checked(self.agent.put(self.at(path)).send(&*file)).map(|_| ())
        })
    }

    pub fn list(&self, prefix: &ObjectName) -> Result<Vec<ObjectName>, GatewayError> {
        let path = format!("{}?prefix={prefix}", path::LIST);
        self.trying(|| {
            let mut answer = self.checked(self.agent.get(self.at(&path)).call())?;
            let mut lines = BufReader::new(answer.body_mut().as_reader());
            let mut names = Vec::new();
            let mut line = String::new();
            // The end of a list is a line of its own, so that one cut short is not taken for whole.
            loop {
                line.clear();
                let limit = MAX_NAME_BYTES as u64 + 2;
                (&mut lines).take(limit).read_line(&mut line).map_err(|source| self.broken(source))?;
                match line.strip_suffix('\n') {
                    Some("") => return Ok(names),
                    Some(name) if names.len() < MAX_NAMES => names.push(name.parse().map_err(|e| self.strange(e))?),
                    Some(_) => return Err(self.strange("a list without end")),
                    None => return Err(self.broken(std::io::ErrorKind::UnexpectedEof.into())),
                }
            }
        })
    }
}
