//! The one form in which a bundle's file stands in a *ustar* archive: of each name and size there is exactly one header,
//! so that the same files are the same bytes, and nothing else can hide in an archive.

/// Headers and contents are of whole blocks.
pub const BLOCK: usize = 512;
/// Where a header has its fields: those that a reader takes from it.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const PREFIX: std::ops::Range<usize> = 345..500;
/// Largest size that eleven octal digits can say.
const MAX_SIZE: u64 = (1 << 33) - 1;

/// The header of a regular file; `None`: its name or its size has no room in one.
pub fn header(name: &str, size: u64) -> Option<[u8; BLOCK]> {
    let (prefix, last) = split(name)?;
    if size > MAX_SIZE {
        return None;
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(NAME.start, last.as_bytes());
    put(100, b"0000644");
    put(108, b"0000000");
    put(116, b"0000000");
    put(SIZE.start, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    // The sum is taken with blanks in its place.
    put(CHECKSUM.start, b"        ");
    put(TYPE, b"0");
    put(257, b"ustar\x0000");
    put(PREFIX.start, prefix.as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(header)
}

/// What stands in the prefix, and what in the name: as little as can be in the prefix.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME.len() {
        return Some(("", name));
    }
    let (prefix, last) = name
        .match_indices('/')
        .map(|(at, _)| (&name[..at], &name[at + 1..]))
        .find(|(_, last)| last.len() <= NAME.len())?;
    (prefix.len() <= PREFIX.len()).then_some((prefix, last))
}

/// What a header says, believed by nobody: it must be the one that [`header`] makes of it.
pub struct Claimed {
    pub name: String,
    pub kind: u8,
    pub size: Option<u64>,
}

pub fn claimed(header: &[u8; BLOCK]) -> Claimed {
    let text = |range: std::ops::Range<usize>| {
        let bytes = &header[range];
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let (prefix, last) = (text(PREFIX), text(NAME));
    let name = if prefix.is_empty() { last } else { format!("{prefix}/{last}") };
    let size = u64::from_str_radix(&text(SIZE), 8).ok();
    Claimed { name, kind: header[TYPE], size }
}

/// How many bytes follow a content of this size, up to the end of its last block.
pub fn padding(size: u64) -> usize {
    size.next_multiple_of(BLOCK as u64).abs_diff(size) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_it_was_made_of() {
        let deep = format!("manifests/{}/{}/0000000007-{}", "a".repeat(32), "b".repeat(63), "c".repeat(64));
        for (name, size) in [("bundle.json", 0), (&deep, 511), ("pusat-33.19/keys", MAX_SIZE)] {
            let header = header(name, size).unwrap();
            let its = claimed(&header);
            assert_eq!((its.name.as_str(), its.kind, its.size), (name, b'0', Some(size)));
        }
        assert!(header("x", MAX_SIZE + 1).is_none());
        assert!(header(&"x".repeat(101), 1).is_none());
        assert!(header(&format!("{}/x/{}", "a".repeat(156), "b".repeat(99)), 1).is_none());
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
