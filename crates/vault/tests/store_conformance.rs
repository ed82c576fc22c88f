//! The conformance suite against every directory store there is: on a real folder and on the
//! simulated disk, with and without files that have no name.

use std::cell::RefCell;

use pulih_vault::store::real_disk::RealDisk;
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, conformance};

#[test]
fn a_real_folder() {
    let folders = RefCell::new(Vec::new());
    conformance::run(&|| {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = DirStore::create(&folder.path().join("some/store")).expect("opens");
        folders.borrow_mut().push(folder);
        Box::new(store)
    });
    conformance::run_keep(&|| {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = DirStore::open(folder.path()).expect("opens");
        folders.borrow_mut().push(folder);
        Box::new(store)
    });
}

#[test]
fn a_real_folder_without_unnamed_files() {
    let folders = RefCell::new(Vec::new());
    conformance::run(&|| {
        let folder = tempfile::tempdir().expect("makes a folder");
        let disk = RealDisk::open(folder.path()).expect("opens");
        folders.borrow_mut().push(folder);
        Box::new(DirStore::on(disk.without_unnamed_files()))
    });
}

#[test]
fn a_simulated_disk() {
    conformance::run(&|| Box::new(DirStore::on(SimDisk::new())));
    conformance::run_keep(&|| Box::new(DirStore::on(SimDisk::new())));
}

#[test]
fn a_simulated_disk_without_unnamed_files() {
    conformance::run(&|| Box::new(DirStore::on(SimDisk::without_unnamed_files())));
    conformance::run_keep(&|| Box::new(DirStore::on(SimDisk::without_unnamed_files())));
}
