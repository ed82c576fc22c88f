//! A Pusat Data as a paired DRC reads it: every vault and what is the site's own, and nothing is
//! ever written but what the two sites co-sign. Each request is sent once: who pulls knows better when to try again.

use std::io::{self, Read};

use pulih_protocol::enroll::Renewal;
use pulih_protocol::path;
use pulih_vault::store::{MAX_NAME_BYTES, ObjectName, Staged, Store, StoreError};

use super::client::{Client, Credentials};
use super::error::GatewayError;
use super::paced::Paced;
use super::site::Renewing;

pub struct ReplicaStore {
    client: Client,
}

/// An object as it comes in, with the length that the site says it has.
pub struct Incoming {
    pub length: u64,
    pub body: Box<dyn Read + Send>,
}

fn object(name: &ObjectName) -> String {
    format!("{}{name}", path::REPLICA_OBJECTS)
}

impl ReplicaStore {
    pub fn open(credentials: &Credentials) -> Result<Self, GatewayError> {
        Ok(Self { client: Client::new(credentials)? })
    }

    /// The signed head of the site's ledger, as it came.
    pub fn head(&self) -> Result<Vec<u8>, GatewayError> {
        self.client.get_text(path::REPLICA_HEAD).map(String::into_bytes)
    }

    /// Begins to read a whole object.
    pub fn fetch(&self, name: &ObjectName) -> Result<Incoming, GatewayError> {
        let answer = self.client.get(&object(name))?;
        let length = self.length(&answer)?;
        Ok(Incoming { length, body: Box::new(Paced::new(answer.into_body().into_reader())) })
    }

    /// Credentials with a new key and certificate, and when that ends (RFC 3339).
    pub fn renew(&self, old: &Credentials) -> Result<(Credentials, String), GatewayError> {
        let renewing = Renewing::begin()?;
        let renewed = self.client.post(path::REPLICA_RENEW, &Renewal { csr: renewing.csr.clone() })?;
        renewing.end(old, renewed)
    }

    /// Has a checkpoint of the asking site's own ledger co-signed: the status, and what was answered, whatever it is.
    pub fn add_checkpoint(&self, request: &str) -> Result<(u16, String), GatewayError> {
        self.client.ask_text(path::ADD_CHECKPOINT, request)
    }

    /// Hands in what the asking site said of the ledger there.
    pub fn hand_in(&self, note: &str) -> Result<(u16, String), GatewayError> {
        self.client.ask_text(path::COSIGNATURE, note)
    }

    fn length<B>(&self, answer: &ureq::http::Response<B>) -> Result<u64, GatewayError> {
        let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok());
        length.and_then(|text| text.parse().ok()).ok_or_else(|| self.client.strange("no length"))
    }
}

/// For what reads a vault by itself, as the chain of a reach.
impl Store for ReplicaStore {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        let source = io::ErrorKind::PermissionDenied.into();
        Err(StoreError::Io { action: "write at another site, which is only read".to_owned(), source })
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        let answer = self.client.head(&object(name)).and_then(|answer| self.length(&answer));
        answer.map_err(|error| error.of(name, "look for"))
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let (whole, from) = (offset.saturating_add(len as u64), out.len());
        let mut incoming = self.fetch(name).map_err(|error| error.of(name, "read"))?;
        let read = io::copy(&mut (&mut incoming.body).take(offset), &mut io::sink())
            .and_then(|_| (&mut incoming.body).take(len as u64).read_to_end(out));
        match read {
            Ok(read) if read == len => Ok(()),
            Ok(_) => {
                out.truncate(from);
                Err(StoreError::OutOfRange { name: name.clone(), size: incoming.length, offset, end: whole })
            }
            Err(source) => {
                out.truncate(from);
                Err(self.client.broken(source).of(name, "read"))
            }
        }
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        let path = format!("{}?prefix={prefix}", path::REPLICA_LIST);
        // As it comes: how much of a list is kept is for who asked to bound.
        let listed = self
            .client
            .get(&path)
            .and_then(|answer| self.client.lines(answer, MAX_NAME_BYTES, |name| name.parse().map(&mut *each)));
        listed.map_err(|error| error.of(prefix, "list"))
    }

    /// In one request; who holds the bytes against a hash need not ask for their size first.
    fn read(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut incoming = self.fetch(name).map_err(|error| error.of(name, "read"))?;
        if incoming.length > limit {
            return Err(StoreError::TooLarge { name: name.clone(), size: incoming.length, limit });
        }
        let mut out = Vec::with_capacity(incoming.length as usize);
        let read = (&mut incoming.body).take(incoming.length).read_to_end(&mut out);
        read.map_err(|source| self.client.broken(source).of(name, "read"))?;
        Ok(out)
    }
}
