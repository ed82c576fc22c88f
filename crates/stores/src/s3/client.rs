//! The connection to an S3 server: the SDK's client, the runtime it lives on, and trying again.
//!
//! The store is blocking, as the engine is, and is called from threads of every kind, those of
//! another runtime too. So requests run on two threads of its own, and callers wait on a channel.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, ConfigBag, Credentials, IdentityCache, Intercept, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{DateTime, SdkBody};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use pulih_vault::store::ObjectName;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::runtime::{Builder, Runtime};

use super::Options;
use super::address::{Checksums, S3Address, S3Keys};
use super::error::S3Error;
use crate::retry;

const CONNECT: Duration = Duration::from_secs(20);
/// Silence on the line after which a request is given up and tried again.
pub const SILENCE: Duration = Duration::from_secs(60);
/// A line on which less gets through carries no backup; what is sent takes at most so long.
const SLOWEST_BYTES_A_SECOND: u64 = 8 << 10;
/// The longest answer that is no object: a page of a list is 1,000 names.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// A file of CA certificates is smaller.
const MAX_CA_BYTES: u64 = 4 << 20;

pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

pub struct Client {
    pub s3: aws_sdk_s3::Client,
    pub address: S3Address,
    initial_lock: Option<Duration>,
    clock: Clock,
    /// Taken only by `drop`, which must not wait: the last owner may be a thread of it.
    runtime: Option<Runtime>,
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Client {
    pub fn new(address: S3Address, keys: &S3Keys, options: &Options) -> Result<Self, S3Error> {
        let setup = |error: std::io::Error| S3Error::Setup(error.to_string());
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("pulih-s3")
            .enable_all()
            .build()
            .map_err(setup)?;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls(&address)?)
            .build_https();
        let S3Keys { access_key_id, secret_access_key, session_token } = keys.clone();
        let credentials = Credentials::new(access_key_id, secret_access_key, session_token, None, "pulih");
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache())
            .region(Region::new(address.region.clone()))
            .force_path_style(address.path_style)
            // Tries are counted here, since a second try changes what an answer means.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(SILENCE).build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(SILENCE).build())
            // What is read is checked by its hash, and what is sent carries a checksum of ours.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .interceptor(BoundedAnswers);
        if let Some(endpoint) = &address.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self {
            s3: aws_sdk_s3::Client::from_conf(config.build()),
            address,
            initial_lock: options.initial_lock,
            clock: options.clock.clone(),
            runtime: Some(runtime),
        })
    }

    /// Runs requests to their end, on the store's own threads.
    pub fn wait<T, F>(&self, work: F) -> Result<T, S3Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, S3Error>> + Send + 'static,
    {
        let ended = || self.strange(&"the connection was shut down");
        let (sender, receiver) = sync_channel(1);
        let runtime = self.runtime.as_ref().ok_or_else(ended)?;
        runtime.spawn(async move {
            // Whoever waited may be gone.
            let _ = sender.send(work.await);
        });
        receiver.recv().map_err(|_| ended())?
    }

    pub fn key(&self, name: &ObjectName) -> String {
        self.address.key(name)
    }

    pub fn strange(&self, why: &dyn Display) -> S3Error {
        S3Error::Strange { host: self.address.host(), why: format!("{why}") }
    }

    pub fn line(&self, why: &dyn Display) -> S3Error {
        S3Error::Line { host: self.address.host(), why: format!("{why}") }
    }

    pub fn error<E>(&self, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        S3Error::of_sdk(self.address.host(), error)
    }

    /// Seconds since 1970 by the store's clock.
    pub fn now(&self) -> i64 {
        let since = (self.clock)().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs() as i64)
    }

    /// Until when an object that is put now is locked.
    pub fn first_lock(&self) -> Option<DateTime> {
        let seconds = self.initial_lock?.as_secs() as i64;
        Some(DateTime::from_secs(self.now().saturating_add(seconds)))
    }

    /// Whether puts carry a checksum: S3 wants one with every lock.
    pub fn sends_checksums(&self) -> bool {
        self.address.checksums == Checksums::Supported || self.initial_lock.is_some()
    }
}

/// Tries until it succeeds, fails for good, or has been tried often enough.
pub async fn trying<T, F>(mut once: impl FnMut() -> F) -> Result<T, S3Error>
where
    F: Future<Output = Result<T, S3Error>>,
{
    let mut tried = 0;
    loop {
        tried += 1;
        match once().await {
            Err(error) if error.is_transient() && tried < retry::TRIES => pause(tried).await,
            done => return done,
        }
    }
}

pub async fn pause(tried: u32) {
    tokio::time::sleep(retry::pause(tried, retry::noise())).await;
}

/// The client's settings for a request that sends so many bytes.
pub fn sending(bytes: u64) -> aws_sdk_s3::config::Builder {
    let longest = SILENCE + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND);
    Config::builder()
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(longest).build())
}

/// Whom the line is believed to lead to.
fn tls(address: &S3Address) -> Result<TlsContext, S3Error> {
    let encrypted = address.endpoint.as_ref().is_none_or(|endpoint| endpoint.starts_with("https://"));
    let store = match &address.ca {
        Some(path) => TrustStore::empty().with_pem_certificate(certificates(path)?),
        None if !encrypted => TrustStore::empty(),
        None if rustls_native_certs::load_native_certs().certs.is_empty() => {
            let why = "this machine has no list of CAs; install ca-certificates, or name a file with &ca=/file.pem";
            return Err(S3Error::Setup(why.to_owned()));
        }
        None => TrustStore::default(),
    };
    TlsContext::builder().with_trust_store(store).build().map_err(|error| S3Error::Setup(error.to_string()))
}

/// A file of certificates that TLS can use, all of them: the SDK takes that for granted.
fn certificates(path: &std::path::Path) -> Result<Vec<u8>, S3Error> {
    let bad = |why: String| S3Error::Setup(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if size > MAX_CA_BYTES {
        return Err(bad(format!("{size} bytes are no list of certificates")));
    }
    let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("it holds no certificate in PEM".to_owned())) } else { Ok(pem) }
}

/// The SDK reads an answer that is no object whole; so a hostile server must not give a long one.
#[derive(Debug)]
struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Objects are only ever asked for in ranges, and read as they come, up to what was asked for.
        if context.response().status().as_u16() != 206 {
            let body = context.response_mut().body_mut();
            let limited = http_body_util::Limited::new(std::mem::replace(body, SdkBody::taken()), MAX_ANSWER_BYTES);
            *body = SdkBody::from_body_1_x(limited);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_must_hold_certificates_and_nothing_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let refused = |text: &str| {
            std::fs::write(&path, text).unwrap();
            certificates(&path).unwrap_err().to_string()
        };
        assert!(refused("").contains("no certificate"));
        assert!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").contains("ca.pem"));
        assert!(certificates(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
        let key = rcgen::KeyPair::generate().unwrap();
        let good = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        std::fs::write(&path, &good).unwrap();
        assert_eq!(certificates(&path).unwrap(), good.as_bytes());
    }

    #[test]
    fn a_dead_port_is_a_dead_line_also_inside_another_runtime() {
        let env = |_: &str| None;
        // Port 9 of loopback: nothing listens, and a connection is refused at once.
        let text = "s3://bucket?endpoint=http://127.0.0.1:9&region=x";
        let keys = S3Keys { access_key_id: "a".into(), secret_access_key: "b".into(), session_token: None };
        let address = S3Address::parse(text, &env).unwrap();
        let other = Builder::new_current_thread().build().unwrap();
        // On an async thread `block_on`, and dropping a runtime, would panic.
        other.block_on(async {
            let client = Arc::new(Client::new(address, &keys, &Options::new(std::env::temp_dir())).unwrap());
            let asked = client.s3.head_bucket().bucket("bucket");
            let this = client.clone();
            let answer = client.wait(async move { asked.send().await.map_err(|error| this.error(&error)) });
            assert!(matches!(answer, Err(S3Error::Line { .. })), "{answer:?}");
        });
    }
}
