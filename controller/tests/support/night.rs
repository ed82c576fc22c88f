//! The night of the disaster: what was saved, that it is gone, and that it came back.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::drc::{Drc, noise};
use super::{Server, Site, succeeded};

/// Two servers of one class, whose vaults this DRC's identity opens too.
pub fn saved(class: &str, recipient: &str, datasets: &[(&str, &str)]) -> Site {
    let site = Site::new();
    site.opd("dinkes");
    let mut servers: Vec<&str> = datasets.iter().map(|(agent, _)| *agent).collect();
    servers.dedup();
    for agent in servers {
        let server = site.server_for(agent, "dinkes", &["--class", class, "--recipient", recipient]);
        server.write("surat", format!("isi surat di {agent}").as_bytes());
        server.write("besar", &noise(agent.len() as u64, 3 << 20));
        let sparse = fs::File::create(server.path("tree/berlubang")).unwrap();
        sparse.set_len(1 << 20).unwrap();
        std::os::unix::fs::symlink("surat", server.path("tree/tautan")).unwrap();
    }
    for (agent, dataset) in datasets {
        site.approve(agent, dataset);
        succeeded(&Server { site: &site, name: (*agent).into() }.backup(dataset));
    }
    site
}

/// That what was recovered is what was saved: content, types, modes and times.
pub fn is_same(site: &Site, agent: &str, place: &Path) {
    let tree = site.path(agent).join("tree");
    let back = place.join(tree.strip_prefix("/").unwrap());
    succeeded(&Command::new("diff").args(["-r", "--no-dereference"]).arg(&tree).arg(&back).output().unwrap());
    let facts = |folder: &Path| {
        let found = Command::new("find").arg(folder).args(["-printf", "%P %y %m %s %T@ %l\n"]).output().unwrap();
        let mut lines: Vec<String> = succeeded(&found).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(facts(&tree), facts(&back));
}

/// The Pusat Data is no more.
fn lose(site: &mut Site) {
    site.kill();
    fs::remove_dir_all(site.path("site")).unwrap();
    fs::remove_dir_all(site.path("store")).unwrap();
}

pub fn uid() -> String {
    succeeded(&Command::new("id").arg("-u").output().unwrap()).trim().to_owned()
}

/// The DRC is paired with a site, and pulls all that it has.
pub fn pair(drc: &Drc, site: &Site) {
    let fingerprint = drc.offer();
    let pusat: Value = serde_json::from_str(&succeeded(&drc.accepted_by(site, &fingerprint))).unwrap();
    succeeded(&drc.accept(pusat["fingerprint"].as_str().unwrap()));
    assert!(drc.replicate().0);
}

/// The same; then the site is no more.
pub fn fall(drc: &Drc, site: &mut Site) {
    pair(drc, site);
    lose(site);
}

/// A site that is gone after the DRC pulled all of it.
pub fn night(drc: &Drc, class: &str, recipient: &str, datasets: &[(&str, &str)]) -> Site {
    let mut site = saved(class, recipient, datasets);
    fall(drc, &mut site);
    site
}
