//! Extended attributes, POSIX ACLs and capabilities among them. What an entry has is set; what
//! it does not have is removed, but only in the namespaces that a backup saves whole: labels of
//! a security module are this system's own.

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::metadata::Node;
use super::{ACCESS_ACL, MetadataProblem};

const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";
/// Most bytes of a list of names, by the kernel's own limit.
const MAX_LIST_BYTES: usize = 65_536;

/// Whether an attribute that the entry does not have is to go.
fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name.starts_with(b"trusted.")
        || name == b"security.capability"
        || name == ACCESS_ACL
        || name == DEFAULT_ACL
}

/// Names of the attributes that are there. Costs no allocation where there are none.
pub(super) fn names(node: &Node<'_>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut small = [0; 1024];
    let split = |list: &[u8]| {
        let names = list.split(|&b| b == 0).filter(|name| !name.is_empty());
        names.map(<[u8]>::to_vec).collect()
    };
    match node.list_xattrs(&mut small) {
        Ok(length) => Ok(split(&small[..length])),
        Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
        Err(Errno::RANGE) => {
            let mut large = vec![0; MAX_LIST_BYTES];
            let length = node.list_xattrs(&mut large)?;
            Ok(split(&large[..length]))
        }
        Err(errno) => Err(errno),
    }
}

/// Whether the attribute is there with exactly `value`.
pub(super) fn holds(node: &Node<'_>, name: &[u8], value: &[u8]) -> Result<bool, Errno> {
    // One byte more, so that a longer value is not taken for this one.
    let mut buffer = vec![0; value.len() + 1];
    match node.get_xattr(name, &mut buffer) {
        Ok(length) => Ok(&buffer[..length] == value),
        // ACCESS: what the user may not read is not known to be right.
        Err(Errno::RANGE | Errno::NODATA | Errno::OPNOTSUPP | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

type Xattrs = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

/// Whether a restore of `wanted` would change nothing.
pub(super) fn same(node: &Node<'_>, wanted: &Xattrs) -> Result<bool, Errno> {
    let extra = |name: &Vec<u8>| is_ours(name) && !wanted.contains_key(name);
    if names(node)?.iter().any(extra) {
        return Ok(false);
    }
    for (name, value) in wanted {
        if !holds(node, name, value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sets what differs and removes what is too much. Returns whether it changed any.
pub(super) fn restore(
    node: &Node<'_>,
    present: &[Vec<u8>],
    wanted: &Xattrs,
    problems: &mut Vec<MetadataProblem>,
) -> bool {
    let mut changed = false;
    let mut done = |name: &[u8], result: Result<(), Errno>| match result {
        Ok(()) => changed = true,
        Err(errno) => problems.push(MetadataProblem::Xattr { name: name.to_vec(), source: errno.into() }),
    };
    for name in present {
        if is_ours(name) && !wanted.contains_key(name) {
            done(name, node.remove_xattr(name));
        }
    }
    // Backwards, so that `user.` comes before `system.`: an ACL may take away the owner's right
    // to write, without which the kernel lets no one but root set the former.
    for (name, value) in wanted.iter().rev() {
        if !(present.contains(name) && holds(node, name, value).unwrap_or(false)) {
            done(name, node.set_xattr(name, value, XattrFlags::empty()));
        }
    }
    changed
}
