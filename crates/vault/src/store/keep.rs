//! Stores from which objects can be taken away and in which damaged ones can be replaced: for the
//! controller of a site, which alone decides that. An agent has no use for it and is given none.

use super::{ObjectName, Store, StoreError};

/// A store whose keeper may remove objects and put the right bytes back over damaged ones.
///
/// Beside what holds for every [`Store`], also after a crash at any moment: a name has the object
/// that it had, or none, or the one that it was healed with; never a part of any.
pub trait Keeps: Store {
    /// Removes an object, durably. That there is none is no error.
    ///
    /// A store that keeps versions deletes all of them, and [`StoreError::Locked`] says until when
    /// one is held; the others are gone then.
    fn remove(&self, name: &ObjectName) -> Result<(), StoreError>;

    /// Puts an object in the place of one that is damaged or gone, as durably as
    /// [`Store::create`]. What had the name is kept aside, where no list of objects shows it.
    ///
    /// Nothing is compared here: the caller has held `bytes` against the name. `AlreadyExists`
    /// says that another writer created the object just now; then it is that one's, whole.
    fn heal(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError>;
}
