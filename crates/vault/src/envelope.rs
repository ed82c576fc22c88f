//! age files. Headers are wrapped and unwrapped by the `age` crate's recipients and identities;
//! the payload (STREAM over ChaCha20-Poly1305, in segments of 64 KiB) is sealed and opened here
//! with `ring`, whose assembly is twice as fast, and segment by segment, so that a part of a
//! pack can be read alone. Stock `age` reads and writes the same bytes, which a test checks.

use age::{DecryptError, Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use ring::{hkdf, hmac};

use crate::error::{Malformed, Result, VaultError};

const WHAT: &str = "age file";
const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
const MAC_TAG: &[u8] = b"---";
const MAX_HEADER_BYTES: usize = 64 << 10;
const MAX_STANZAS: usize = 256;
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Plain bytes in a segment.
const SEGMENT: usize = 64 << 10;
const SEALED_SEGMENT: usize = SEGMENT + TAG_BYTES;

struct KeyLen;

impl hkdf::KeyType for KeyLen {
    fn len(&self) -> usize {
        32
    }
}

fn derive(key: &FileKey, salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(key.expose_secret())
        .expand(&[info], KeyLen)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are within HKDF-SHA256's length");
    out
}

fn header_mac(key: &FileKey, header: &[u8]) -> hmac::Key {
    debug_assert!(header.ends_with(MAC_TAG));
    hmac::Key::new(hmac::HMAC_SHA256, &derive(key, &[], b"header"))
}

fn segment_key(key: &FileKey, salt: &[u8]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &derive(key, salt, b"payload"))
        .expect("the key has the algorithm's length");
    LessSafeKey::new(key)
}

fn nonce(counter: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&counter.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Recovery recipients, kept in the text they were given in.
pub struct Recipients(Vec<Box<dyn Recipient + Send + Sync>>);

impl Recipients {
    pub fn new(recipients: Vec<Box<dyn Recipient + Send + Sync>>) -> Self {
        Self(recipients)
    }

    pub fn add(&mut self, recipient: Box<dyn Recipient + Send + Sync>) {
        self.0.push(recipient);
    }

    fn header(&self, key: &FileKey) -> Result<Vec<u8>> {
        let mut out = VERSION_LINE.to_vec();
        let mut labels = None;
        for recipient in &self.0 {
            let (stanzas, its) = recipient
                .wrap_file_key(key)
                .map_err(|error| VaultError::untrusted("a recipient cannot be encrypted to", error.to_string()))?;
            if *labels.get_or_insert_with(|| its.clone()) != its {
                return Err(VaultError::untrusted(
                    "the recipients cannot be used together",
                    "some are post-quantum and some are not",
                ));
            }
            stanzas.iter().for_each(|stanza| put_stanza(&mut out, stanza));
        }
        out.extend_from_slice(MAC_TAG);
        let mac = hmac::sign(&header_mac(key, &out), &out);
        out.push(b' ');
        out.extend_from_slice(STANDARD_NO_PAD.encode(mac).as_bytes());
        out.push(b'\n');
        Ok(out)
    }
}

fn put_stanza(out: &mut Vec<u8>, stanza: &Stanza) {
    out.extend_from_slice(b"-> ");
    out.extend_from_slice(stanza.tag.as_bytes());
    for arg in &stanza.args {
        out.push(b' ');
        out.extend_from_slice(arg.as_bytes());
    }
    out.push(b'\n');
    let body = STANDARD_NO_PAD.encode(&stanza.body);
    let mut lines = body.as_bytes().chunks_exact(64);
    for line in &mut lines {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    // The last line is shorter than 64, if need be empty: so a reader knows the end.
    out.extend_from_slice(lines.remainder());
    out.push(b'\n');
}

/// Seals bytes as they come, into a buffer that its owner empties as it likes.
pub struct Sealer {
    key: LessSafeKey,
    counter: u64,
    /// The sealed bytes, then the plain bytes of the segment being filled.
    out: Vec<u8>,
    plain_from: usize,
}

impl Sealer {
    pub fn new(recipients: &Recipients, random: &dyn SecureRandom) -> Result<Self> {
        Self::with_buffer(recipients, random, Vec::new())
    }

    /// Begins an age file in `out`, whose contents are dropped and whose memory is used again.
    pub fn with_buffer(recipients: &Recipients, random: &dyn SecureRandom, mut out: Vec<u8>) -> Result<Self> {
        let no_random = |_| Malformed::new(WHAT, "the system gives no random bytes");
        let mut secret = Box::new([0; 16]);
        random.fill(&mut *secret).map_err(no_random)?;
        let file_key = FileKey::new(secret);
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt).map_err(no_random)?;
        out.clear();
        out.extend_from_slice(&recipients.header(&file_key)?);
        out.extend_from_slice(&salt);
        Ok(Self { key: segment_key(&file_key, &salt), counter: 0, plain_from: out.len(), out })
    }

    pub fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A full segment is sealed only when more follows: the last one is marked as last.
            if self.out.len() - self.plain_from == SEGMENT {
                self.seal_segment(false);
            }
            let room = SEGMENT - (self.out.len() - self.plain_from);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.out.extend_from_slice(now);
            bytes = later;
        }
    }

    fn seal_segment(&mut self, last: bool) {
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(self.counter, last), Aad::empty(), &mut self.out[self.plain_from..])
            .expect("a segment is far below the cipher's limit");
        self.out.extend_from_slice(tag.as_ref());
        self.counter += 1;
        self.plain_from = self.out.len();
    }

    /// Bytes that are sealed and not yet taken.
    pub fn sealed(&self) -> &[u8] {
        &self.out[..self.plain_from]
    }

    /// Forgets the sealed bytes: they were written out.
    pub fn take_sealed(&mut self) {
        self.out.drain(..self.plain_from);
        self.plain_from = 0;
    }

    /// Ends the file and returns what was not taken.
    pub fn finish(mut self) -> Vec<u8> {
        self.seal_segment(true);
        self.out
    }
}

pub fn seal(recipients: &Recipients, random: &dyn SecureRandom, plain: &[u8]) -> Result<Vec<u8>> {
    let mut sealer = Sealer::new(recipients, random)?;
    sealer.write(plain);
    Ok(sealer.finish())
}

/// Opens the segments of one age file.
pub struct Opener {
    key: LessSafeKey,
    /// Where the first segment begins.
    payload_at: u64,
    /// Bytes of the whole file.
    file_bytes: u64,
}

/// Enough bytes from a file's start to hold most headers.
pub const HEADER_GUESS: usize = 4096;

/// What became of asking for a file key; `None`: the file is not encrypted to whoever was asked.
pub type Found = Option<std::result::Result<FileKey, DecryptError>>;

/// Asks for the file key of a header with these stanzas.
pub type Find<'f> = &'f dyn Fn(&[Stanza]) -> Found;

/// The file key that the first of the identities finds.
pub fn found_by(identities: &[Box<dyn Identity + Send + Sync>], stanzas: &[Stanza]) -> Found {
    identities.iter().find_map(|identity| identity.unwrap_stanzas(stanzas))
}

/// The file key of an age file by its first bytes, held against the header's MAC, and where its salt begins.
/// `Ok(None)`: more bytes are needed.
pub fn file_key(start: &[u8], file_bytes: u64, find: Find, what: &str) -> Result<Option<(FileKey, usize)>> {
    let Some((header_len, stanzas, mac)) = parse_header(start)? else {
        return if start.len() as u64 >= file_bytes || start.len() > MAX_HEADER_BYTES {
            Err(Malformed::new(WHAT, "its header does not end").into())
        } else {
            Ok(None)
        };
    };
    // Even of nothing there is a segment: without one, who cut the file off would not be noticed.
    if file_bytes < (header_len + SALT_BYTES + TAG_BYTES) as u64 {
        return Err(Malformed::new(WHAT, "it ends after its header").into());
    }
    if start.len() < header_len + SALT_BYTES {
        return Ok(None);
    }
    let key = unwrap(find, &stanzas, what)?;
    let signed = &start[..header_len - MAC_LINE_REST];
    hmac::verify(&header_mac(&key, signed), signed, &mac)
        .map_err(|_| Malformed::new(WHAT, "its header was changed"))?;
    Ok(Some((key, header_len)))
}

impl Opener {
    /// Reads a header from a file's first bytes. `Ok(None)`: more of them are needed.
    pub fn new(
        start: &[u8],
        file_bytes: u64,
        identities: &[Box<dyn Identity + Send + Sync>],
        what: &str,
    ) -> Result<Option<Self>> {
        Self::with(start, file_bytes, &|stanzas| found_by(identities, stanzas), what)
    }

    /// The same with the key from wherever `find` has it.
    pub fn with(start: &[u8], file_bytes: u64, find: Find, what: &str) -> Result<Option<Self>> {
        let Some((key, salt_at)) = file_key(start, file_bytes, find, what)? else { return Ok(None) };
        let payload_at = salt_at + SALT_BYTES;
        let key = segment_key(&key, &start[salt_at..payload_at]);
        Ok(Some(Self { key, payload_at: payload_at as u64, file_bytes }))
    }

    /// How many plain bytes the file holds.
    pub fn plain_bytes(&self) -> u64 {
        let sealed = self.file_bytes.saturating_sub(self.payload_at);
        let segments = sealed.div_ceil(SEALED_SEGMENT as u64).max(1);
        sealed.saturating_sub(segments * TAG_BYTES as u64)
    }

    /// Which bytes of the file hold the plain bytes `at .. at + len`: offset and length.
    pub fn sealed_range(&self, at: u64, len: u64) -> (u64, u64) {
        let first = at / SEGMENT as u64;
        let end = (at + len).div_ceil(SEGMENT as u64).max(first + 1);
        let from = self.payload_at + first * SEALED_SEGMENT as u64;
        let to = (self.payload_at + end * SEALED_SEGMENT as u64).min(self.file_bytes);
        (from, to.saturating_sub(from))
    }

    /// Opens `sealed`, the bytes that [`Self::sealed_range`] named, in place and returns the
    /// plain bytes `at .. at + len`.
    pub fn open_range<'b>(&self, sealed: &'b mut [u8], at: u64, len: usize) -> Result<&'b [u8]> {
        let bad = |why: &str| VaultError::from(Malformed::new(WHAT, why));
        let first = at / SEGMENT as u64;
        let file_segments = (self.file_bytes - self.payload_at).div_ceil(SEALED_SEGMENT as u64).max(1);
        let mut plain = 0;
        let mut from = 0;
        let mut counter = first;
        while from < sealed.len() {
            let to = (from + SEALED_SEGMENT).min(sealed.len());
            let last = counter + 1 == file_segments;
            let opened = self
                .key
                .open_in_place(nonce(counter, last), Aad::empty(), &mut sealed[from..to])
                .map_err(|_| bad("its bytes were changed or cut off"))?
                .len();
            if last && opened == 0 && counter > 0 {
                return Err(bad("it ends with an empty segment"));
            }
            sealed.copy_within(from..from + opened, plain);
            plain += opened;
            from = to;
            counter += 1;
        }
        let skip = (at - first * SEGMENT as u64) as usize;
        sealed[..plain].get(skip..skip + len).ok_or_else(|| bad("it is shorter than it should be"))
    }
}

/// `" "`, 43 characters of MAC, newline: what follows `---` on the header's last line.
const MAC_LINE_REST: usize = 1 + 43 + 1;

type Header = (usize, Vec<Stanza>, Vec<u8>);

/// Length of the header, its stanzas and its MAC; `None` if more bytes are needed.
fn parse_header(start: &[u8]) -> std::result::Result<Option<Header>, Malformed> {
    let bad = |why: &str| Malformed::new(WHAT, why);
    let shown = VERSION_LINE.len().min(start.len());
    if start[..shown] != VERSION_LINE[..shown] {
        return Err(bad("it does not begin as one of version 1"));
    }
    let mut at = shown;
    let mut stanzas: Vec<Stanza> = Vec::new();
    let mut in_body = false;
    loop {
        let rest = &start[at..start.len().min(MAX_HEADER_BYTES)];
        let Some(len) = rest.iter().position(|&b| b == b'\n') else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&rest[..len]).map_err(|_| bad("its header is not text"))?;
        at += len + 1;
        if in_body {
            let bytes = STANDARD_NO_PAD.decode(line).map_err(|_| bad("a stanza is not base64"))?;
            in_body = line.len() == 64;
            let stanza = stanzas.last_mut().ok_or_else(|| bad("it has no stanza"))?;
            stanza.body.extend_from_slice(&bytes);
        } else if let Some(mac) = line.strip_prefix("--- ") {
            let mac = STANDARD_NO_PAD.decode(mac).map_err(|_| bad("its MAC is not base64"))?;
            if mac.len() != 32 || stanzas.is_empty() {
                return Err(bad("its header is not complete"));
            }
            return Ok(Some((at, stanzas, mac)));
        } else if let Some(head) = line.strip_prefix("-> ") {
            let mut words = head.split(' ').map(str::to_owned);
            let tag = words.next().unwrap_or_default();
            if stanzas.len() == MAX_STANZAS {
                return Err(bad("it has more than 256 stanzas"));
            }
            stanzas.push(Stanza { tag, args: words.collect(), body: Vec::new() });
            in_body = true;
        } else {
            return Err(bad("a line of its header is not known"));
        }
    }
}

fn unwrap(find: Find, stanzas: &[Stanza], what: &str) -> Result<FileKey> {
    find(stanzas).ok_or_else(|| VaultError::NoMatchingIdentity { what: what.to_owned() })?.map_err(
        |error| match error {
            // An identity that lives elsewhere could not be asked: nothing is wrong with the file.
            DecryptError::Io(source) => VaultError::Local { action: format!("open {what}"), source },
            error => Malformed::new(WHAT, error.to_string()).into(),
        },
    )
}

/// Opens a whole age file that is in memory; what it holds is at most as long.
pub fn open(sealed: &[u8], identities: &[Box<dyn Identity + Send + Sync>], what: &str) -> Result<Vec<u8>> {
    open_with(sealed, &|stanzas| found_by(identities, stanzas), what)
}

/// The same with the key from wherever `find` has it.
pub fn open_with(sealed: &[u8], find: Find, what: &str) -> Result<Vec<u8>> {
    let opener =
        Opener::with(sealed, sealed.len() as u64, find, what)?.ok_or_else(|| Malformed::new(WHAT, "it is cut off"))?;
    let mut payload = sealed[opener.payload_at as usize..].to_vec();
    let len = opener.plain_bytes() as usize;
    let plain = opener.open_range(&mut payload, 0, len)?.len();
    payload.truncate(plain);
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Read as _, Write as _};

    fn pair() -> (Vec<Box<dyn Identity + Send + Sync>>, Recipients, age::x25519::Recipient) {
        let identity = age::x25519::Identity::generate();
        let public = identity.to_public();
        (vec![Box::new(identity)], Recipients::new(vec![Box::new(public.clone())]), public)
    }

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 % 251) as u8).collect()
    }

    const LENGTHS: [usize; 7] = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 200_000];

    #[test]
    fn the_age_crate_reads_what_we_write() {
        let (identities, recipients, _) = pair();
        let random = ring::rand::SystemRandom::new();
        for len in LENGTHS {
            let sealed = seal(&recipients, &random, &sample(len)).unwrap();
            let decryptor = age::Decryptor::new(&sealed[..]).unwrap();
            let mut plain = Vec::new();
            decryptor
                .decrypt(std::iter::once(&*identities[0] as &dyn Identity))
                .unwrap()
                .read_to_end(&mut plain)
                .unwrap();
            assert_eq!(plain, sample(len));
        }
    }

    #[test]
    fn we_read_what_the_age_crate_writes() {
        let (identities, _, public) = pair();
        for len in LENGTHS {
            let mut sealed = Vec::new();
            let encryptor = age::Encryptor::with_recipients(std::iter::once(&public as &dyn Recipient)).unwrap();
            let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
            writer.write_all(&sample(len)).unwrap();
            writer.finish().unwrap();
            assert_eq!(open(&sealed, &identities, "a test").unwrap(), sample(len));
        }
    }

    #[test]
    fn a_file_cut_off_behind_its_header_is_not_an_empty_one() {
        let (identities, recipients, _) = pair();
        let sealed = seal(&recipients, &ring::rand::SystemRandom::new(), &[]).unwrap();
        assert!(open(&sealed, &identities, "a test").unwrap().is_empty());
        for cut in 1..=TAG_BYTES {
            assert!(open(&sealed[..sealed.len() - cut], &identities, "a test").is_err());
        }
    }

    proptest! {
        #[test]
        fn any_range_opens_alone(len in 1usize..300_000, a in 0.0..1.0f64, b in 0.0..1.0f64) {
            let (identities, recipients, _) = pair();
            let plain = sample(len);
            let sealed = seal(&recipients, &ring::rand::SystemRandom::new(), &plain).unwrap();
            let (a, b) = ((a * len as f64) as usize, (b * len as f64) as usize);
            let (from, to) = (a.min(b), a.max(b) + 1);
            let opener = Opener::new(&sealed, sealed.len() as u64, &identities, "a test").unwrap().unwrap();
            prop_assert_eq!(opener.plain_bytes(), len as u64);
            let (offset, count) = opener.sealed_range(from as u64, (to - from) as u64);
            let mut part = sealed[offset as usize..(offset + count) as usize].to_vec();
            prop_assert_eq!(opener.open_range(&mut part, from as u64, to - from).unwrap(), &plain[from..to]);
        }

        #[test]
        fn a_changed_byte_is_noticed(at in 0.0..1.0f64, flip in 1u8..) {
            let (identities, recipients, _) = pair();
            let mut sealed = seal(&recipients, &ring::rand::SystemRandom::new(), &sample(70_000)).unwrap();
            let at = (at * sealed.len() as f64) as usize;
            sealed[at] ^= flip;
            prop_assert!(open(&sealed, &identities, "a test").is_err());
        }
    }
}
