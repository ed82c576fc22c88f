//! Who else may have the right bytes: another site, or a store that a person names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pulih_protocol::error::Code;
use pulih_stores::StoreUrl;
use pulih_stores::s3::Options;
use pulih_vault::store::Store;
use serde::{Deserialize, Serialize};

use crate::base::Base;
use crate::gateway::answer::{Answer, Refusal};

/// Variables that say where a store is and open it.
const VARIABLES: [&str; 7] = [
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Those variables as they are where a command was typed: keys are among them, and they are never shown.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Env(BTreeMap<String, String>);

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Env").field(&self.0.keys()).finish()
    }
}

impl Env {
    pub fn of_process() -> Self {
        Self(VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect())
    }

    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// A place where the right bytes may be.
pub struct Source {
    /// For people and the ledger: a site's id, or a store's address.
    pub name: String,
    pub store: Arc<dyn Store>,
}

impl Base {
    /// Opens a store that a person named. It need not keep the promises of a site's own.
    pub fn open_further(&self, address: &str, env: &Env) -> Answer<Source> {
        let bad = |error: &dyn fmt::Display| Refusal::new(Code::BadRequest, error.to_string());
        let env = |name: &str| env.get(name);
        let url = StoreUrl::parse(address.as_ref(), &env).map_err(|error| bad(&error))?;
        let spool = if url.path().is_some() { Ok(std::env::temp_dir()) } else { self.dir.folder("spool") };
        let spool = spool.map_err(|error| Refusal::internal(&error))?;
        let opened = url.open(&env, &Options::new(spool)).map_err(|error| bad(&error))?;
        Ok(Source { name: url.to_string(), store: opened.store })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_carried_and_not_shown() {
        let env = Env(BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "very-secret".to_owned())]));
        assert!(!format!("{env:?}").contains("very-secret"));
        let carried: Env = serde_json::from_str(&serde_json::to_string(&env).unwrap()).unwrap();
        assert_eq!(carried.get("AWS_SECRET_ACCESS_KEY").as_deref(), Some("very-secret"));
    }
}
