//! Connections: accepted, put under TLS, served. How many there are is bounded, and so is what
//! each may take before it has said anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::answer::{Answer, Refusal};
use super::peer::Shown;
use super::routes::router;
use crate::drc::Drc;
use crate::pki::CertificateHash;
use crate::pusat::Pusat;
use crate::uji;

const CONNECTIONS: usize = 2048;
/// Between looks whether there are further CAs whose certificates are let in.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// For a handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the gateway's certificate or key cannot be used: {0}")]
    Tls(String),
}

pub struct Gateway {
    listener: TcpListener,
    keys: Arc<Keys>,
    site: Arc<Pusat>,
    router: Router,
}

/// The gateway's own certificate and key, and TLS with the CAs whose certificates it lets finish a handshake.
struct Keys {
    certificate: String,
    key: String,
    /// The cards that the CAs are from.
    cards: Vec<String>,
    tls: TlsAcceptor,
}

impl Keys {
    fn new(site: &Pusat, certificate: &str, key: &str) -> Result<Self, ServeError> {
        let cannot = |refusal: Refusal| ServeError::Tls(refusal.message);
        let cards = site.known_cards().map_err(cannot)?;
        let authorities = site.authorities(&cards).map_err(cannot)?;
        let tls = TlsAcceptor::from(Arc::new(settings(&authorities, certificate, key)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), cards, tls })
    }

    /// The same with the CAs of sites that were paired or adopted meanwhile, if there are any.
    fn with_news(&self, site: &Pusat) -> Answer<Option<Self>> {
        if site.known_cards()? == self.cards {
            return Ok(None);
        }
        Self::new(site, &self.certificate, &self.key).map(Some).map_err(|error| Refusal::internal(&error))
    }
}

impl Gateway {
    /// Listens; `certificate` and `key` are the gateway's own, in PEM.
    pub async fn open(
        pusat: &Arc<Pusat>,
        drc: Option<Arc<Drc>>,
        address: SocketAddr,
        certificate: &str,
        key: &str,
    ) -> Result<Self, ServeError> {
        let keys = Arc::new(Keys::new(pusat, certificate, key)?);
        let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Self { listener, keys, site: pusat.clone(), router: router(pusat.clone(), drc) })
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` says so; what is being answered then is still answered.
    pub async fn serve(mut self, mut stop: watch::Receiver<bool>) {
        self.site.meter.begin(uji::steady());
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => Some(accepted),
                _ = look.tick() => None,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Some(accepted) = accepted else {
                let keys = self.keys.clone();
                // What fails leaves those that were.
                if let Ok(Some(fresh)) = self.site.blocking(move |site| keys.with_news(site)).await {
                    self.keys = Arc::new(fresh);
                }
                continue;
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                // Too many open files, mostly: it passes.
                Err(error) => {
                    eprintln!("error: cannot take a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (tls, router, stop) = (self.keys.tls.clone(), self.router.clone(), stop.clone());
            tokio::spawn(async move {
                connection(stream, tls, router, stop).await;
                drop(place);
            });
        }
        drop(self.listener);
        // All places free again: everyone has been answered.
        let _ = tokio::time::timeout(PATIENCE, room.acquire_many(CONNECTIONS as u32)).await;
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, router: Router, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    // Whoever does not finish a handshake is not worth a line in the log.
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let shown = Shown(certificate.map(|der| CertificateHash::of(der)));
    let asked = Arc::new(AtomicBool::new(false));
    let said = asked.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        said.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(shown);
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(PATIENCE));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let stopping = async { drop(stop.wait_for(|stop| *stop).await) };
    // Whoever shakes hands and then says nothing holds a place that others need.
    let silent = async {
        tokio::time::sleep(PATIENCE).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = silent => return,
        () = stopping => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

fn settings(authorities: &[String], certificate: &str, key: &str) -> Result<ServerConfig, ServeError> {
    let bad = |error: &dyn std::fmt::Display| ServeError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for ca in authorities {
        let ca = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(|e| bad(&e))?;
        roots.add(ca).map_err(|e| bad(&e))?;
    }
    // Without a certificate one can enroll; every other path asks for one.
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|e| bad(&e))?;
    let chain = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|e| bad(&e))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| bad(&e))?;
    let mut settings = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![chain], key)
        .map_err(|e| bad(&e))?;
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(settings)
}
