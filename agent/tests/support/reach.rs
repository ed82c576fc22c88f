//! What a snapshot's reach must say: what its tree refers to, counted by walking it.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulih_vault::id::{ChunkId, ObjectHash};
use pulih_vault::layout::ManifestName;
use pulih_vault::reach::chain;
use pulih_vault::reader::SnapshotReader;
use pulih_vault::reader::walk::ChunkCursor;
use pulih_vault::store::Store;
use pulih_vault::tree::entry::Content;
use pulih_vault::tree::list;
use pulih_vault::tree::node::Node;

use super::TestVault;

/// Counts every reference of a snapshot by walking its tree; to `first` what that has too.
fn counted(
    reader: &SnapshotReader,
    first: &SnapshotReader,
    root: Option<pulih_vault::tree::node::Root>,
) -> BTreeMap<ObjectHash, u64> {
    let mut live = BTreeMap::new();
    let mut count = |id: &ChunkId| {
        let (from, place) =
            first.place(id).map_or_else(|_| (reader, reader.place(id).unwrap()), |place| (first, place));
        *live.entry(from.pack_of(place.frame)).or_default() += u64::from(place.len);
    };
    let mut lists = ChunkCursor::new(reader);
    ChunkCursor::new(reader)
        .nodes(root, &mut |_, id, node| {
            count(&id);
            if let Node::Leaf(entries) = node {
                for content in entries.iter().filter_map(|entry| entry.content()) {
                    count_content(&mut lists, content, &mut count);
                }
            }
            Ok(())
        })
        .unwrap();
    live
}

fn count_content(cursor: &mut ChunkCursor, content: &Content, count: &mut dyn FnMut(&ChunkId)) {
    let mut ids = content.chunks.clone();
    for _ in 0..content.depth {
        ids.iter().for_each(&mut *count);
        ids = ids.iter().flat_map(|id| list::parse(cursor.chunk(id).unwrap()).unwrap().to_vec()).map(ChunkId).collect();
    }
    ids.iter().for_each(count);
}

pub fn assert_reach_is_exact(vault: &TestVault, store: &Arc<dyn Store>, name: ManifestName) {
    let manifest = vault.manifest(&**store, name);
    let scratch = tempfile::tempdir().unwrap();
    let reader = vault.reader(store, &manifest, scratch.path());
    let reach = chain::load(&**store, vault.layout, manifest.reach).unwrap();
    // What was written afresh lies in two packs while other chunks of the older one stay.
    let mut stays = reach.clone();
    stays.packs.retain(|pack, _| !vault.unwanted.avoided.contains(pack));
    let first = tempfile::tempdir().unwrap();
    let first = vault.reader_of(store, &stays, first.path());
    let expected = counted(&reader, &first, manifest.facts.tree);
    // The facts are in one pack, and no reference of the tree's.
    let mut with_facts = 0;
    for (pack, used) in &reach.packs {
        let tree = expected.get(pack).copied().unwrap_or(0);
        assert!(
            used.live_bytes >= tree && used.live_bytes - tree < 2000,
            "pack {pack}: {} for {tree}",
            used.live_bytes
        );
        with_facts += u32::from(used.live_bytes > tree);
    }
    assert!(with_facts <= 1);
    assert!(expected.keys().all(|pack| reach.packs.contains_key(pack)));
}
