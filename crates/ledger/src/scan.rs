//! One pass over an entry's bytes, without taking memory: whether they are the one text of an object (RFC 8785, as
//! [`canonical`](crate::canonical) reads it), and where the fields are that say whether it must be read further.

use pulih_vault::error::Malformed;

use crate::canonical::{MAX_DEPTH, MAX_NUMBER};

/// Fields of the envelope, as they stand in the bytes. A text with an escape in it stands here with the escape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned<'e> {
    /// `pulih/ledger/<kind>/v1`
    pub kind: Option<&'e str>,
    pub at: Option<&'e str>,
    pub site: Option<&'e str>,
    /// The actor's bytes.
    pub actor: Option<&'e str>,
    pub has_act: bool,
}

/// The digits of [`MAX_NUMBER`].
const MAX_DIGITS: &[u8] = b"9007199254740991";
const _: () = assert!(MAX_NUMBER == 9_007_199_254_740_991);

/// The fields of an entry, names and values as they stand in the bytes; of one with more than there is room for, none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'e> {
    held: [(&'e str, &'e str); MOST_FIELDS],
    count: usize,
}

/// Entries of the kinds that there are many of have no more.
const MOST_FIELDS: usize = 20;

impl<'e> Fields<'e> {
    fn push(&mut self, name: &'e str, value: &'e str) {
        if let Some(place) = self.held.get_mut(self.count) {
            *place = (name, value);
        }
        self.count += 1;
    }

    pub fn all(&self) -> &[(&'e str, &'e str)] {
        self.held.get(..self.count).unwrap_or_default()
    }
}

/// Scans an entry: `Ok` for exactly the bytes that [`canonical::decode`](crate::canonical::decode) takes.
pub fn scan(bytes: &[u8]) -> Result<Scanned<'_>, Malformed> {
    scan_fields(bytes).map(|(found, _)| found)
}

/// The same, with all fields: for who looks into most entries, and parses few.
pub fn scan_fields(bytes: &[u8]) -> Result<(Scanned<'_>, Fields<'_>), Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad(0))?;
    let mut cursor = Cursor { text, at: 0 };
    let (mut found, mut fields) = (Scanned::default(), Fields::default());
    cursor.object(0, &mut |name, value| {
        fields.push(name, value);
        let inner = || value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match name {
            "type" => found.kind = inner(),
            "at" => found.at = inner(),
            "site" => found.site = inner(),
            "actor" => found.actor = Some(value),
            "act" => found.has_act = true,
            _ => {}
        }
    })?;
    if cursor.at == bytes.len() { Ok((found, fields)) } else { Err(bad(cursor.at)) }
}

fn bad(at: usize) -> Malformed {
    Malformed::new("canonical JSON", format!("byte {at} is not as RFC 8785 has it"))
}

/// A text between quotes, and whether its bytes sort as its UTF-16 does: no escape, nothing beyond ASCII.
#[derive(Clone, Copy)]
struct Text<'e> {
    raw: &'e str,
    is_plain: bool,
}

struct Cursor<'e> {
    text: &'e str,
    at: usize,
}

impl<'e> Cursor<'e> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(bad(self.at))
        }
    }

    /// After an item: whether another follows, or the end.
    fn goes_on(&mut self, end: u8) -> Result<bool, Malformed> {
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b',') => Ok(true),
            Some(byte) if byte == end => Ok(false),
            _ => Err(bad(self.at - 1)),
        }
    }

    fn object(&mut self, depth: usize, each: &mut dyn FnMut(&'e str, &'e str)) -> Result<(), Malformed> {
        self.take(b'{')?;
        if depth >= MAX_DEPTH {
            return Err(bad(self.at));
        }
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut before: Option<Text<'e>> = None;
        loop {
            let start = self.at;
            let name = self.string()?;
            if before.is_some_and(|before| !sorts_before(before, name)) {
                return Err(bad(start));
            }
            before = Some(name);
            self.take(b':')?;
            let start = self.at;
            self.value(depth + 1)?;
            each(name.raw, &self.text[start..self.at]);
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Malformed> {
        self.take(b'[')?;
        if depth >= MAX_DEPTH {
            return Err(bad(self.at));
        }
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth, &mut |_, _| {}),
            Some(b'[') => self.array(depth),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Malformed> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(bad(self.at))
        }
    }

    /// A whole number without anything before its digits that need not be there.
    fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let digits = &self.text.as_bytes()[self.at..];
        let count = digits.iter().take(MAX_DIGITS.len() + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &digits[..count];
        let fits = count < MAX_DIGITS.len() || count == MAX_DIGITS.len() && digits <= MAX_DIGITS;
        let is_short = digits.first() != Some(&b'0') || count == 1 && !is_negative;
        self.at += count;
        if count > 0 && fits && is_short { Ok(()) } else { Err(bad(start)) }
    }

    fn string(&mut self) -> Result<Text<'e>, Malformed> {
        self.take(b'"')?;
        let start = self.at;
        let mut is_plain = true;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = first_special(rest).ok_or_else(|| bad(start))?;
            self.at += plain;
            match rest[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(Text { raw: &self.text[start..self.at - 1], is_plain });
                }
                b'\\' => {
                    is_plain = false;
                    self.escape()?;
                }
                0x80.. => {
                    is_plain = false;
                    self.at += 1;
                }
                _ => return Err(bad(self.at)),
            }
        }
    }

    /// One of the escapes that there must be: a character that can stand for itself does.
    fn escape(&mut self) -> Result<(), Malformed> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = if rest.get(1) == Some(&b'u') { 6 } else { 2 };
        let its = rest.get(..len).ok_or_else(|| bad(self.at))?;
        unescaped(its).ok_or_else(|| bad(self.at))?;
        self.at += len;
        Ok(())
    }
}

/// Bytes of a text that are looked at: its end, an escape, a control character, what is beyond ASCII.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        special[byte] = byte < 0x20 || byte >= 0x80 || byte == b'"' as usize || byte == b'\\' as usize;
        byte += 1;
    }
    special
};

/// Where the first byte is that is looked at: eight at a time, as most of an entry is text.
fn first_special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The high bit of the lowest byte that is zero, or below 0x20; those above it may be set for nothing.
        let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = is_zero(word ^ (ONES * u64::from(b'"')));
        let escape = is_zero(word ^ (ONES * u64::from(b'\\')));
        let found = (word | below_space | quote | escape) & HIGH;
        if found != 0 {
            return Some(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let done = words.len() * 8;
    let last = bytes[done..].iter().position(|byte| SPECIAL[usize::from(*byte)])?;
    Some(done + last)
}

/// What an escape stands for, if RFC 8785 has this escape for it.
fn unescaped(escape: &[u8]) -> Option<u8> {
    match escape {
        b"\\\"" => Some(b'"'),
        b"\\\\" => Some(b'\\'),
        b"\\b" => Some(8),
        b"\\t" => Some(b'\t'),
        b"\\n" => Some(b'\n'),
        b"\\f" => Some(12),
        b"\\r" => Some(b'\r'),
        [b'\\', b'u', b'0', b'0', high @ (b'0' | b'1'), low] => {
            let low = match low {
                b'0'..=b'9' => low - b'0',
                b'a'..=b'f' => low - b'a' + 10,
                _ => return None,
            };
            let byte = (high - b'0') << 4 | low;
            // Those above have an escape of their own.
            (!matches!(byte, 8 | 9 | 10 | 12 | 13)).then_some(byte)
        }
        _ => None,
    }
}

/// By UTF-16 code units, as RFC 8785 sorts.
fn sorts_before(a: Text<'_>, b: Text<'_>) -> bool {
    if a.is_plain && b.is_plain {
        return a.raw < b.raw;
    }
    units(a.raw).lt(units(b.raw))
}

/// The UTF-16 of a text that was scanned.
fn units(raw: &str) -> impl Iterator<Item = u16> {
    let mut rest = raw;
    let mut held: Option<u16> = None;
    std::iter::from_fn(move || {
        if let Some(low) = held.take() {
            return Some(low);
        }
        let first = rest.chars().next()?;
        let len = match first {
            '\\' if rest.as_bytes().get(1) == Some(&b'u') => 6,
            '\\' => 2,
            other => other.len_utf8(),
        };
        let (its, after) = rest.split_at_checked(len)?;
        rest = after;
        if first == '\\' {
            return unescaped(its.as_bytes()).map(u16::from);
        }
        let mut pair = [0; 2];
        let units = first.encode_utf16(&mut pair);
        held = units.get(1).copied();
        units.first().copied()
    })
}
