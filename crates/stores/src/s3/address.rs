//! Where an S3 store is: `s3://bucket/prefix?endpoint=…&region=…`, and what lets one in.
//!
//! What the address does not say is taken from the usual AWS variables. Credentials are never part
//! of an address, since addresses are shown, recorded and end up in the list of processes.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use pulih_vault::store::ObjectName;

/// Longest address in bytes.
const MAX_ADDRESS_BYTES: usize = 4096;
/// So that the prefix and the longest object name are a key of S3, which has 1,024 bytes.
const MAX_PREFIX_BYTES: usize = 400;
const MAX_SECRET_BYTES: usize = 16 << 10;
const KEYS: &str = "endpoint, region, path-style, ca, checksums";

/// The variables of the environment, as a parameter.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("{0:?} is not an S3 store: write s3://bucket/prefix")]
    Form(String),
    #[error("{0:?} is not the name of a bucket: 3 to 63 of a-z, 0-9, dots and hyphens")]
    Bucket(String),
    #[error(
        "{0:?} is not a prefix for a store: parts of a-z, 0-9, '.', '_' and '-' between slashes, at most 400 bytes"
    )]
    Prefix(String),
    #[error("an S3 address holds no keys: give them in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    HoldsKeys,
    #[error("an S3 address has no {0:?}; behind its question mark there can be {KEYS}")]
    Unknown(String),
    #[error("the S3 address says {0} twice")]
    Twice(&'static str),
    #[error("{value:?} is not a value of {key}: {wanted}")]
    Value { key: &'static str, value: String, wanted: &'static str },
    #[error("the endpoint {0:?} is not encrypted: write https://host:port (http:// is for this machine itself)")]
    Plain(String),
    #[error("which region? give ?region=… or AWS_REGION, and ?endpoint=https://host:port unless the store is Amazon's")]
    NoRegion,
    #[error("{0} is not set: an S3 store is opened with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoKey(&'static str),
    #[error("what {0} holds is not a key")]
    BadKey(&'static str),
}

/// Whether checksums are sent where a server need not have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// With each object, so that the server refuses what the line changed.
    #[default]
    Supported,
    /// Only where S3 asks for one, for servers that stumble over the others.
    Required,
}

/// An address in which nothing is left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Address {
    pub bucket: String,
    /// Below which all objects are; `None`: the whole bucket.
    pub prefix: Option<ObjectName>,
    /// `https://host:port`; `None`: Amazon's own in the region.
    pub endpoint: Option<String>,
    pub region: String,
    /// Whether the bucket stands in the path and not in the host's name.
    pub path_style: bool,
    /// A file of certificates in PEM that alone are believed.
    pub ca: Option<PathBuf>,
    pub checksums: Checksums,
}

#[derive(Default)]
struct Query {
    endpoint: Option<String>,
    region: Option<String>,
    path_style: Option<String>,
    ca: Option<String>,
    checksums: Option<String>,
}

impl S3Address {
    pub fn parse(text: &str, env: Env<'_>) -> Result<Self, AddressError> {
        let form = || AddressError::Form(shown(text));
        if text.len() > MAX_ADDRESS_BYTES || text.contains('#') {
            return Err(form());
        }
        let rest = text.strip_prefix("s3://").ok_or_else(form)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(AddressError::HoldsKeys);
        }
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if !is_bucket(bucket) {
            return Err(AddressError::Bucket(shown(bucket)));
        }
        let query = Query::parse(query)?;
        let endpoint =
            query.endpoint.or_else(|| set(env, "AWS_ENDPOINT_URL_S3")).or_else(|| set(env, "AWS_ENDPOINT_URL"));
        let endpoint = endpoint.map(|text| endpoint_of(&text)).transpose()?;
        let region = query.region.or_else(|| set(env, "AWS_REGION")).or_else(|| set(env, "AWS_DEFAULT_REGION"));
        // Servers that are not Amazon's take what they are given, and this is what they call it.
        let region = region.or_else(|| endpoint.as_ref().map(|_| "us-east-1".to_owned()));
        let address = Self {
            bucket: bucket.to_owned(),
            prefix: prefix_of(prefix)?,
            path_style: path_style_of(query.path_style.as_deref(), endpoint.is_some())?,
            region: region_of(region.ok_or(AddressError::NoRegion)?)?,
            ca: query.ca.map(|text| ca_of(&text, endpoint.as_deref())).transpose()?,
            checksums: checksums_of(query.checksums.as_deref())?,
            endpoint,
        };
        Ok(address)
    }

    /// The key of an object in the bucket.
    pub fn key(&self, name: &ObjectName) -> String {
        format!("{}{name}", self.root())
    }

    /// What all keys begin with: nothing, or a folder with its slash.
    pub fn root(&self) -> String {
        self.prefix.as_ref().map_or_else(String::new, |prefix| format!("{prefix}/"))
    }

    /// Whom requests go to, for people.
    pub fn host(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("Amazon S3 in {}", self.region))
    }
}

/// The whole address, in one form whatever it was taken from. It holds no secret.
impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if let Some(prefix) = &self.prefix {
            write!(f, "/{prefix}")?;
        }
        f.write_str("?")?;
        if let Some(endpoint) = &self.endpoint {
            write!(f, "endpoint={endpoint}&")?;
        }
        write!(f, "region={}", self.region)?;
        if self.path_style != self.endpoint.is_some() {
            write!(f, "&path-style={}", self.path_style)?;
        }
        if let Some(ca) = &self.ca {
            write!(f, "&ca={}", encoded(&ca.to_string_lossy()))?;
        }
        if self.checksums == Checksums::Required {
            f.write_str("&checksums=required")?;
        }
        Ok(())
    }
}

impl Query {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, slot) = match key {
                "endpoint" => ("endpoint", &mut query.endpoint),
                "region" => ("region", &mut query.region),
                "path-style" => ("path-style", &mut query.path_style),
                "ca" => ("ca", &mut query.ca),
                "checksums" => ("checksums", &mut query.checksums),
                // A key that was put into the address is not said aloud.
                other if other.to_ascii_lowercase().contains("key") || other.to_ascii_lowercase().contains("token") => {
                    return Err(AddressError::HoldsKeys);
                }
                other => return Err(AddressError::Unknown(shown(other))),
            };
            if slot.is_some() {
                return Err(AddressError::Twice(key));
            }
            let decoded = decoded(value).filter(|value| !value.is_empty() && !value.contains(char::is_control));
            let wanted = "it is empty or not written as in a URL";
            *slot = Some(decoded.ok_or_else(|| AddressError::Value { key, value: shown(value), wanted })?);
        }
        Ok(query)
    }
}

fn set(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// The beginning of a text, for an error.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn is_bucket(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(letter) && text.bytes().next_back().is_some_and(letter);
    (3..=63).contains(&text.len())
        && ends
        && text.bytes().all(|b| letter(b) || b == b'.' || b == b'-')
        && !text.contains("..")
        && text.parse::<IpAddr>().is_err()
}

fn prefix_of(text: &str) -> Result<Option<ObjectName>, AddressError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() {
        return Ok(None);
    }
    let prefix = text.parse().ok().filter(|_| text.len() <= MAX_PREFIX_BYTES);
    prefix.map(Some).ok_or_else(|| AddressError::Prefix(shown(text)))
}

fn region_of(text: String) -> Result<String, AddressError> {
    let good = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if good { Ok(text) } else { Err(bad("region", &text, "letters, digits and hyphens")) }
}

fn path_style_of(text: Option<&str>, own_endpoint: bool) -> Result<bool, AddressError> {
    match text {
        None => Ok(own_endpoint),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(bad("path-style", other, "true or false")),
    }
}

fn checksums_of(text: Option<&str>) -> Result<Checksums, AddressError> {
    match text {
        None | Some("supported") => Ok(Checksums::Supported),
        Some("required") => Ok(Checksums::Required),
        Some(other) => Err(bad("checksums", other, "supported or required")),
    }
}

fn ca_of(text: &str, endpoint: Option<&str>) -> Result<PathBuf, AddressError> {
    if !text.starts_with('/') {
        return Err(bad("ca", text, "the whole path of a file of certificates, from / on"));
    }
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        return Err(bad("ca", text, "the endpoint is not encrypted, so no CA vouches for it"));
    }
    Ok(PathBuf::from(text))
}

fn bad(key: &'static str, value: &str, wanted: &'static str) -> AddressError {
    AddressError::Value { key, value: shown(value), wanted }
}

/// `https://host:port`, or `http://` where the host is this machine.
fn endpoint_of(text: &str) -> Result<String, AddressError> {
    let wrong = || bad("endpoint", text, "write https://host:port");
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    if rest.contains('@') {
        return Err(AddressError::HoldsKeys);
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = split_port(rest).ok_or_else(wrong)?;
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host(host),
    };
    if !good || port.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..)) || port.starts_with('+')) {
        return Err(wrong());
    }
    match scheme {
        "https" => {}
        "http" => {
            let ip: Option<IpAddr> = address.unwrap_or(host).parse().ok();
            if !ip.map_or(host == "localhost", |ip| ip.is_loopback()) {
                return Err(AddressError::Plain(shown(text)));
            }
        }
        _ => return Err(wrong()),
    }
    Ok(format!("{scheme}://{rest}"))
}

fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let end = text.find(']')? + 1;
        let (host, rest) = text.split_at(end);
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    Some(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))))
}

fn is_host(text: &str) -> bool {
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

/// A value without its `%xx`; `None` if that is broken.
pub fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push((high * 16 + low) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Keys for a store, given by hand: nothing asks a metadata service, a file or a helper.
#[derive(Clone)]
pub struct S3Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl S3Keys {
    pub fn from_env(env: Env<'_>) -> Result<Self, AddressError> {
        let given = |name: &'static str| match set(env, name) {
            Some(value) if value.len() > MAX_SECRET_BYTES || !value.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(AddressError::BadKey(name))
            }
            value => Ok(value),
        };
        let wanted = |name| given(name)?.ok_or(AddressError::NoKey(name));
        Ok(Self {
            access_key_id: wanted("AWS_ACCESS_KEY_ID")?,
            secret_access_key: wanted("AWS_SECRET_ACCESS_KEY")?,
            session_token: given("AWS_SESSION_TOKEN")?,
        })
    }
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Keys({})", self.access_key_id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn parse(text: &str) -> Result<S3Address, AddressError> {
        S3Address::parse(text, &none)
    }

    #[test]
    fn an_address_says_where_a_store_is() {
        let text = "s3://pulih-opd/dinas/a?endpoint=https://s3.pusat.go.id:8333&region=id-1&path-style=false&ca=/etc/a%20b.pem&checksums=required";
        let address = parse(text).unwrap();
        assert_eq!(address.bucket, "pulih-opd");
        assert_eq!(address.key(&"vaults/x".parse().unwrap()), "dinas/a/vaults/x");
        assert_eq!(address.endpoint.as_deref(), Some("https://s3.pusat.go.id:8333"));
        assert_eq!((address.region.as_str(), address.path_style), ("id-1", false));
        assert_eq!(address.ca, Some(PathBuf::from("/etc/a b.pem")));
        assert_eq!(address.checksums, Checksums::Required);
        assert_eq!(parse(&address.to_string()).unwrap(), address);
    }

    #[test]
    fn the_environment_says_what_the_address_leaves_out() {
        let env = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:8333/".to_owned()),
            "AWS_REGION" => Some("id-2".to_owned()),
            _ => None,
        };
        let address = S3Address::parse("s3://bucket", &env).unwrap();
        assert_eq!(address.to_string(), "s3://bucket?endpoint=http://127.0.0.1:8333&region=id-2");
        assert_eq!(address.key(&"a".parse().unwrap()), "a");
        assert!(address.path_style);
        let said = S3Address::parse("s3://bucket?endpoint=https://x&region=y", &env).unwrap();
        assert_eq!((said.endpoint.as_deref(), said.region.as_str()), (Some("https://x"), "y"));
        assert_eq!(parse("s3://bucket"), Err(AddressError::NoRegion));
        assert!(!parse("s3://bucket?region=ap-southeast-3").unwrap().path_style);
    }

    #[test]
    fn hostile_addresses_are_refused() {
        for bad in [
            "s3://",
            "s3:///x",
            "s3://UPPER",
            "s3://ab",
            "s3://a..b",
            "s3://127.0.0.1",
            "s3://-ab",
            "s3://bucket/../x",
            "s3://bucket//x",
            "s3://bucket/a b",
            "s3://bucket/%2e%2e",
            "s3://bucket/x#y",
            "s3://bucket/.hidden",
            "s3://key:secret@bucket/x",
            "s3://bucket?endpoint=https://key:secret@host",
            "s3://bucket?endpoint=host",
            "s3://bucket?endpoint=https://host/path",
            "s3://bucket?endpoint=https://ho st",
            "s3://bucket?endpoint=ftp://x",
            "s3://bucket?endpoint=https://h:0",
            "s3://bucket?endpoint=https://h:99999",
            "s3://bucket?endpoint=https://[::g]",
            "s3://bucket?endpoint=https://[::1]x",
            "s3://bucket?endpoint=https://h%0d%0aX:1",
            "s3://bucket?endpoint=",
            "s3://bucket?endpoint=http://10.0.0.1",
            "s3://bucket?endpoint=http://127.0.0.1.evil.id",
            "s3://bucket?endpoint=http://localhost.evil.id",
            "s3://bucket?region=a&region=b",
            "s3://bucket?region=%zz",
            "s3://bucket?region=a/b",
            "s3://bucket?region=a&other=1",
            "s3://bucket?region=a&path-style=yes",
            "s3://bucket?region=a&ca=relative.pem",
            "s3://bucket?endpoint=http://127.0.0.1&ca=/x.pem",
            "s3://bucket?region=a&checksums=none",
            "s3://bucket?region=a&secret_key=abc",
            "http://bucket",
        ] {
            let refused = parse(bad).expect_err(bad).to_string();
            assert!(!refused.contains("secret@") && !refused.contains("abc"), "{refused}");
        }
        let long = format!("s3://bucket/{}?region=a", ["a"; 401].join("/"));
        assert!(matches!(parse(&long), Err(AddressError::Prefix(_))));
        assert!(matches!(parse(&"s3://b".repeat(5000)), Err(AddressError::Form(text)) if text.len() == 80));
    }

    #[test]
    fn keys_come_from_the_environment_and_are_not_shown() {
        let env = |name: &str| Some(format!("value-of-{name}"));
        let keys = S3Keys::from_env(&env).unwrap();
        assert_eq!(format!("{keys:?}"), "S3Keys(value-of-AWS_ACCESS_KEY_ID)");
        assert!(matches!(S3Keys::from_env(&none), Err(AddressError::NoKey("AWS_ACCESS_KEY_ID"))));
        let split = |_: &str| Some("a\r\nX-Evil: 1".to_owned());
        assert_eq!(S3Keys::from_env(&split).unwrap_err(), AddressError::BadKey("AWS_ACCESS_KEY_ID"));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_reads_back_as_itself(text in "s3://[a-z0-9./%?&=:@\\[\\]-]{0,60}(\\?(endpoint|region|ca|checksums|path-style)=[ -~]{0,40})?") {
            if let Ok(address) = parse(&text) {
                prop_assert_eq!(parse(&address.to_string()).unwrap(), address);
            }
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,200}") {
            let _ = parse(&text);
            let _ = parse(&format!("s3://bucket?{text}"));
            let _ = decoded(&text);
        }
    }
}
