//! How much each OPD has stored, and what is on its way in: so that many uploads at once do not
//! together exceed what each alone would not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pulih_protocol::error::Code;

use super::lock;
use crate::gateway::answer::{Answer, Refusal};

#[derive(Default)]
pub struct Quotas {
    /// Bytes of each OPD, those on their way included.
    used: Mutex<HashMap<String, u64>>,
}

/// Bytes that are counted while they come; given back when it is dropped, unless they were kept.
pub struct Reserved {
    quotas: Arc<Quotas>,
    opd: String,
    bytes: u64,
}

impl Quotas {
    /// Counts from these bytes on.
    pub fn begin(&self, stored: Vec<(String, u64)>) {
        *lock(&self.used) = stored.into_iter().collect();
    }

    #[cfg(test)]
    fn used(&self, opd: &str) -> u64 {
        lock(&self.used).get(opd).copied().unwrap_or(0)
    }

    /// Counts what is stored already, whatever the quota says.
    pub fn add(&self, opd: &str, bytes: u64) {
        *lock(&self.used).entry(opd.to_owned()).or_default() += bytes;
    }

    /// Takes off what is no longer stored.
    pub fn sub(&self, opd: &str, bytes: u64) {
        if let Some(used) = lock(&self.used).get_mut(opd) {
            *used = used.saturating_sub(bytes);
        }
    }

    pub fn reserve(self: &Arc<Self>, opd: &str, bytes: u64, quota: Option<u64>) -> Answer<Reserved> {
        let mut used = lock(&self.used);
        let its = used.entry(opd.to_owned()).or_default();
        let after = its.saturating_add(bytes);
        if let Some(quota) = quota.filter(|quota| after > *quota) {
            let text = format!(
                "the quota of OPD {opd} is used up: {its} of {quota} bytes are stored; nothing was changed. \
                 Ask the Pusat Data for more, or save less"
            );
            return Err(Refusal::new(Code::Full, text));
        }
        *its = after;
        Ok(Reserved { quotas: self.clone(), opd: opd.to_owned(), bytes })
    }
}

impl Reserved {
    /// The bytes are stored, and stay counted.
    pub fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(used) = lock(&self.quotas.used).get_mut(&self.opd) {
            *used = used.saturating_sub(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_counts_until_it_is_given_up() {
        let quotas = Arc::new(Quotas::default());
        quotas.begin(vec![("dinkes".into(), 60)]);
        let first = quotas.reserve("dinkes", 30, Some(100)).unwrap();
        assert_eq!(quotas.reserve("dinkes", 11, Some(100)).err().unwrap().code, Code::Full);
        drop(first);
        quotas.reserve("dinkes", 40, Some(100)).unwrap().keep();
        assert_eq!(quotas.used("dinkes"), 100);
        assert!(quotas.reserve("dinkes", 1, Some(100)).is_err());
        assert!(quotas.reserve("disdik", 1000, None).is_ok());
        assert_eq!(quotas.used("disdik"), 0);
    }
}
