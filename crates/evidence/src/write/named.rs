//! What the entries of a log name by its hash.

use std::collections::BTreeSet;

use pulih_ledger::scan::scan;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use serde_json::{Map, Value};

use crate::places::Kept;
use crate::verify::{NAMES_POINTS, kind_of, named_by, names_one};

/// In order, each once.
#[derive(Default)]
pub struct Named {
    pub objects: BTreeSet<(Kept, ObjectHash)>,
    pub manifests: BTreeSet<(VaultId, DatasetName, ManifestName)>,
}

impl Named {
    /// Takes an entry. One that is not as it should be names nothing: a verifier says so.
    pub fn take(&mut self, entry: &[u8]) {
        let Ok(found) = scan(entry) else { return };
        let Some(kind) = found.kind.and_then(kind_of) else { return };
        if !NAMES_POINTS.contains(&kind) && !names_one(kind) {
            return;
        }
        let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(entry) else { return };
        self.objects.extend(named_by(kind, &fields));
        let points = fields.get("points").and_then(Value::as_array).into_iter().flatten();
        self.manifests.extend(points.filter_map(Value::as_str).filter_map(point));
    }
}

/// `<vault>/<dataset>/<manifest>`
fn point(text: &str) -> Option<(VaultId, DatasetName, ManifestName)> {
    let mut parts = text.splitn(3, '/');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
