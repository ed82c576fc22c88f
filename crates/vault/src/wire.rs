//! Reading and writing the binary parts of the format. A reader never runs past its bytes and
//! never takes memory on the word of a length that it has not checked.

use crate::error::Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A cursor over bytes that are not trusted.
pub struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    pub fn bad(&self, why: impl Into<String>) -> Malformed {
        Malformed::new(self.what, why)
    }

    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.bad("it ends too early"))?;
        self.rest = rest;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        Ok(out)
    }

    pub fn magic(&mut self, magic: &[u8; 8]) -> Result<()> {
        let found: [u8; 8] = self.array()?;
        if found == *magic {
            Ok(())
        } else if found[..7] == magic[..7] {
            Err(self.bad(format!("version {} is not known to this program; a newer one may read it", found[7])))
        } else {
            Err(self.bad("it does not begin as one"))
        }
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// LEB128, shortest form only.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for i in 0..10 {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if i == 9 && bits > 1 {
                return Err(self.bad("a number has more than 64 bits"));
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                if byte == 0 && i > 0 {
                    return Err(self.bad("a number is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(self.bad("a number has more than ten bytes"))
    }

    /// A varint of at most `most`; `of` names it in the error.
    pub fn varint_up_to(&mut self, most: u64, of: &str) -> Result<u64> {
        let value = self.varint()?;
        if value <= most { Ok(value) } else { Err(self.bad(format!("{of} is {value}, more than {most}"))) }
    }

    /// A count of items of at least `item_bytes` each, so that no count can promise more than
    /// the bytes that are there.
    pub fn count(&mut self, most: u64, item_bytes: usize, of: &str) -> Result<usize> {
        let count = self.varint_up_to(most, of)? as usize;
        if count.saturating_mul(item_bytes) > self.rest.len() {
            return Err(self.bad(format!("{of} is {count}, more than there are bytes for")));
        }
        Ok(count)
    }

    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.bad(format!("{} bytes follow its end", self.rest.len()))) }
    }
}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_come_back(value in any::<u64>(), shift in 0u32..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new("test", &out);
            prop_assert_eq!(reader.varint().unwrap(), value);
            prop_assert!(reader.end().is_ok());
        }
    }

    #[test]
    fn only_the_shortest_form_is_read() {
        for bad in [&[0x80, 0x00][..], &[0xff; 10], &[0x80]] {
            assert!(Reader::new("test", bad).varint().is_err());
        }
    }
}
