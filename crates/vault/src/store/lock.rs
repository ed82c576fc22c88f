//! Stores that can hold an object against everyone, their own administrator too, until a date.

use super::{ObjectName, Store, StoreError};

/// A store whose objects can be locked. A lock only ever grows: there is no call that ends or
/// shortens one, and a store that would allow it is not one of these.
pub trait Locks: Store {
    /// Locks an object until a time, in seconds since 1970. Where it is locked as long or longer
    /// already, nothing changes and the answer is `Ok`.
    fn lock_until(&self, name: &ObjectName, until_unix_seconds: i64) -> Result<(), StoreError>;

    /// Until when an object is locked so that nobody can end it, in seconds since 1970; `None` if
    /// it is not, or only against some.
    fn locked_until(&self, name: &ObjectName) -> Result<Option<i64>, StoreError>;
}
