//! The names of users and groups, asked of the system once each. It answers from all that it is
//! set up for (files, a directory service); a number without a name has none.

use std::collections::HashMap;

use nix::unistd::{Gid, Group, Uid, User};

#[derive(Debug, Default)]
pub struct OwnerNames {
    users: HashMap<u32, Option<String>>,
    groups: HashMap<u32, Option<String>>,
}

impl OwnerNames {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn user(&mut self, uid: u32) -> Option<String> {
        // A service that does not answer must not fail a backup: the number is what counts.
        let ask = || User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        self.users.entry(uid).or_insert_with(ask).clone()
    }

    pub fn group(&mut self, gid: u32) -> Option<String> {
        let ask = || Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name);
        self.groups.entry(gid).or_insert_with(ask).clone()
    }
}
