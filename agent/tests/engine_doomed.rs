//! Packs that the site will delete: the next backup needs none of them, writes what they held
//! again and nothing else, and everything restores.

mod support;

use std::fs;

use support::office::Office;

#[test]
fn what_a_doomed_pack_held_is_written_again_and_nothing_else() {
    for lose_caches in [false, true] {
        let mut office = Office::new();
        let (first, written) = office.backup();
        let before = office.packs(first);
        assert!(before.len() >= 5, "{}", before.len());
        // Nothing in the tree changes: without its doom the pack would be taken over unread.
        let doomed = *before.iter().next().unwrap();
        office.vault.unwanted.doomed.insert(doomed);
        if lose_caches {
            fs::remove_dir_all(office.cache()).unwrap();
            fs::create_dir_all(office.cache()).unwrap();
        }
        let (second, again) = office.backup();
        let after = office.packs(second);
        assert!(!after.contains(&doomed));
        assert!(after.intersection(&before).count() >= before.len() - 2, "what is alive is used on");
        assert!(again.new_bytes > 0 && again.new_bytes < written.new_bytes / 2, "{again:?} after {written:?}");
        // Without the last run's listing all files are new to this one, and none to the vault.
        assert_eq!((again.new > 0, again.removed), (lose_caches, 0));
        // The site does what it said; what was written since stands without it.
        office.delete(doomed);
        let (third, settled) = office.backup();
        assert!(!office.packs(third).contains(&doomed));
        assert!(settled.new_bytes < 50_000, "{settled:?}");
    }
}

#[test]
fn all_packs_may_be_doomed() {
    let mut office = Office::new();
    let (first, written) = office.backup();
    office.vault.unwanted.doomed = office.packs(first);
    let (second, again) = office.backup();
    assert!(office.packs(second).is_disjoint(&office.vault.unwanted.doomed));
    assert!(again.new_bytes >= written.new_bytes * 9 / 10, "{again:?} after {written:?}");
}

#[test]
fn sums_that_were_made_before_a_chunk_moved_are_not_carried_on() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    let kept = fs::read(office.listing()).unwrap();
    // Another dataset of the vault meets the doom, and has chunks of this one written again.
    fs::remove_file(office.listing()).unwrap();
    office.vault.unwanted.doomed = office.packs(first);
    office.backup();
    // The site changes its mind. This dataset's listing still counts those chunks where they were.
    office.vault.unwanted.doomed.clear();
    fs::write(office.listing(), kept).unwrap();
    for number in [0, 7, 21] {
        fs::remove_file(office.root().join(format!("dir-{}/file-{number}", number % 4))).unwrap();
    }
    office.backup();
}
