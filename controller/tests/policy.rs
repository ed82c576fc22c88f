//! Policies are put in force by an admin who signs them, one after the other, and nothing else is.

mod support;

use serde_json::Value;
use support::{Site, failed, succeeded};

const DEFAULT: &str = include_str!("../../policies/default.toml");

#[test]
fn a_policy_takes_effect_once_an_admin_signed_it() {
    let mut site = Site::new();
    site.opd("dinkes");
    let file = site.path("policy.toml");
    let name = file.to_str().unwrap().to_owned();
    let apply = |site: &Site, person: &str| site.acting(person, &["policy", "apply", &name]);
    let shown = |site: &Site| site.json(&["policy", "show"])["version"].as_u64().unwrap();
    // The same version again, then one that is no policy.
    std::fs::write(&file, DEFAULT).unwrap();
    assert!(failed(&apply(&site, "siti")).contains("raise `version`"));
    std::fs::write(&file, DEFAULT.replace("version = 1", "version = 2") + "\nrecipients = [\"age1x\"]\n").unwrap();
    let said = failed(&apply(&site, "siti"));
    assert!(said.contains("policy.toml:") && said.contains("recipients"), "{said}");
    assert_eq!(shown(&site), 1);
    // A good one: not by whoever likes, and not unsigned.
    std::fs::write(&file, DEFAULT.replace("version = 1", "version = 2").replace("yearly = \"10y\"", "yearly = \"9y\""))
        .unwrap();
    let diff = succeeded(&site.controller(&["policy", "diff", &name]));
    assert!(diff.contains("yearly") && diff.contains("WEAKENS"), "{diff}");
    assert!(failed(&apply(&site, "walidata-dinkes")).contains("an admin may"));
    assert!(failed(&site.controller(&["policy", "apply", &name])).contains("signature"));
    assert_eq!(shown(&site), 1);
    succeeded(&apply(&site, "siti"));
    assert_eq!(shown(&site), 2);
    // It stays in force, also without the catalog.
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    site.start();
    assert_eq!(shown(&site), 2);
}

#[test]
fn people_are_added_by_an_admin_and_act_with_their_own_keys() {
    let site = Site::new();
    site.opd("dinkes");
    let key = site.path("budi.key");
    let verifier = succeeded(&site.controller(&["user", "key", key.to_str().unwrap()]));
    let add = ["user", "add", "budi", "--name", "Budi", "--role", "operator", "--key", verifier.trim()];
    assert!(failed(&site.controller(&add)).contains("signature"));
    assert!(failed(&site.acting("walidata-dinkes", &add)).contains("an admin may"));
    let wrong = ["user", "add", "budi", "--name", "Budi", "--role", "raja", "--key", verifier.trim()];
    assert!(failed(&site.acting("siti", &wrong)).contains("a role is"));
    succeeded(&site.acting("siti", &add));
    // One person's name with another's key.
    let (mine, list) = (site.path("siti.key"), ["grant", "end", "r-000000000000", "--reason", "x"]);
    let forged = [&list[..], &["--as", "budi", "--sign-with", mine.to_str().unwrap()]].concat();
    assert!(failed(&site.controller(&forged)).contains("no key"));
    // A key file is never overwritten.
    assert!(failed(&site.controller(&["user", "key", key.to_str().unwrap()])).contains("never overwritten"));
}

#[test]
fn a_quota_holds_and_says_what_to_do() {
    let site = Site::new();
    site.opd("dinkes");
    let file = site.path("policy.toml");
    let small = DEFAULT.replace("version = 1", "version = 2").replace("quota = \"1TiB\"", "quota = \"1MiB\"");
    std::fs::write(&file, small).unwrap();
    succeeded(&site.acting("siti", &["policy", "apply", file.to_str().unwrap()]));
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    let noise: Vec<u8> =
        (0..3_000_000u32).flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..1].to_vec()).collect();
    server.write("large", &noise);
    let said = failed(&server.backup("letters"));
    assert!(said.contains("quota"), "{said}");
    assert!(site.points().is_empty());
    let large = DEFAULT.replace("version = 1", "version = 3").replace("quota = \"1TiB\"", "quota = \"100MiB\"");
    std::fs::write(&file, large).unwrap();
    succeeded(&site.acting("siti", &["policy", "apply", file.to_str().unwrap()]));
    succeeded(&server.backup("letters"));
    let stored = site.json(&["opd", "list"])["opds"][0]["bytes"].as_u64().unwrap();
    assert!(stored > 3_000_000, "{stored}");
}

#[test]
fn what_expires_is_planned_the_same_without_the_catalog_and_may_be_doomed() {
    let mut site = Site::new();
    site.opd("dinkes");
    let file = site.path("policy.toml");
    let few = DEFAULT.replace("version = 1", "version = 2").replace("newest = 4", "newest = 1");
    std::fs::write(&file, few).unwrap();
    succeeded(&site.acting("siti", &["policy", "apply", file.to_str().unwrap()]));
    {
        let server = site.server("app-1", "dinkes");
        site.approve("app-1", "letters");
        for text in ["satu", "dua", "tiga"] {
            server.write("letter", text.as_bytes());
            succeeded(&server.backup("letters"));
        }
    }
    // The first one took every tier; the second one was kept while it was the newest.
    let plan = site.json(&["retain"]);
    let snapshots = plan["plan"]["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), 1, "{plan}");
    assert!(snapshots[0]["snapshot"].as_str().unwrap().starts_with("0000000002"));
    assert!(!plan["plan"]["packs"].as_object().unwrap().is_empty());
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(site.json(&["retain"]), plan);
    site.start();
    assert_eq!(site.json(&["retain"]), plan);
}

#[test]
fn a_seed_that_was_carried_is_taken_in_and_gone_on_from() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    let disk = server.seed("letters");
    assert!(site.points().is_empty());
    let imported = site.json(&["import", disk.to_str().unwrap()]);
    assert_eq!(imported["vaults"][0]["snapshots"], 1, "{imported}");
    assert_eq!(site.points().len(), 1);
    // The same again changes nothing; the next backup goes on from it, over the line.
    assert_eq!(site.json(&["import", disk.to_str().unwrap()])["vaults"][0]["objects"], 0);
    server.write("letter", b"isi surat baru");
    succeeded(&server.backup("letters"));
    assert!(site.alarms().is_empty(), "{:?}", site.alarms());
    assert_eq!(server.restored("letters", 1, "letter"), b"isi surat");
    assert_eq!(server.restored("letters", 2, "letter"), b"isi surat baru");
    // A pack that was damaged on the way is named, and its snapshot is not taken in.
    server.write("letter", b"isi surat ketiga");
    server.write("second", b"surat kedua");
    let disk = server.seed("archive");
    let vault = disk.join("vaults").join(server.vault());
    let mut packs = Vec::new();
    for folder in std::fs::read_dir(vault.join("packs")).unwrap() {
        packs.extend(std::fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    let known = |path: &std::path::Path| site.path("store").join(path.strip_prefix(&disk).unwrap()).exists();
    let new = packs.into_iter().find(|path| !known(path)).unwrap();
    let mut bytes = std::fs::read(&new).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::remove_file(&new).unwrap();
    std::fs::write(&new, bytes).unwrap();
    site.approve("app-1", "archive");
    let imported = site.json(&["import", disk.to_str().unwrap()]);
    let refused = imported["vaults"][0]["refused"].as_array().unwrap();
    assert!(refused.iter().any(|why| why.as_str().unwrap().contains("damaged on the disk")), "{imported}");
    assert_eq!(site.points().len(), 1);
}

#[test]
fn a_disk_is_made_ready_and_the_commands_it_names_save_what_the_daemon_would() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "surat");
    server.write("letter", b"isi surat");
    server.write("scratch.bak", b"bukan surat");
    let (disk, tree) = (server.path("a disk"), server.path("tree"));
    // An empty folder is no store by mistake, and the way to make it a seed is named.
    std::fs::create_dir(&disk).unwrap();
    let by_mistake = ["backup", "--store", disk.to_str().unwrap(), "--dataset", "surat", tree.to_str().unwrap()];
    let said = failed(&server.run(&by_mistake));
    assert!(said.contains("pulih-agent seed --to '") && said.contains("init"), "{said}");
    let config = server.path("agent.toml");
    let dataset = format!(
        "[dataset.surat]\nclass = \"non-publik\"\npaths = [{:?}]\nexcludes = [\"*.bak\"]\nchunks = \"small\"\n",
        tree.to_str().unwrap()
    );
    std::fs::write(&config, dataset).unwrap();
    let arguments = ["seed", "--json", "--to", disk.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let seed: Value = serde_json::from_str(&succeeded(&server.run(&arguments))).unwrap();
    assert_eq!((&seed["type"], &seed["vaults"][0]["vault"]), (&"pulih/seed/v1".into(), &server.vault().into()));
    assert!(seed["free_bytes"].as_u64().is_some());
    let command = seed["commands"][0]["command"].as_str().unwrap().strip_prefix("pulih-agent ").unwrap();
    let script = format!("{} --quiet {command}", support::agent_program().display());
    let state = server.path("state");
    succeeded(&std::process::Command::new("bash").env("PULIH_STATE", state).args(["-c", &script]).output().unwrap());
    // Again: what is there is left as it is.
    succeeded(&server.run(&arguments));
    let imported = site.json(&["import", disk.to_str().unwrap()]);
    assert_eq!(imported["vaults"][0]["snapshots"], 1, "{imported}");
    assert_eq!(site.points().len(), 1);
    assert_eq!(server.restored("surat", 1, "letter"), b"isi surat");
    assert!(!server.path("restored-1").join(tree.strip_prefix("/").unwrap()).join("scratch.bak").exists());
    assert!(site.alarms().is_empty(), "{:?}", site.alarms());
}

#[test]
fn a_server_without_a_site_has_nothing_to_seed() {
    let site = Site::new();
    let server = support::Server { site: &site, name: "alone".into() };
    let said = failed(&server.run(&["seed", "--to", server.path("disk").to_str().unwrap()]));
    assert!(said.contains("enroll"), "{said}");
    assert!(!server.path("disk").exists());
}

#[test]
fn what_is_printed_for_programs_is_on_the_page() {
    let page = include_str!("../../docs/contracts/controller-json.md");
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    let file = site.path("policy.toml");
    std::fs::write(&file, DEFAULT.replace("version = 1", "version = 2")).unwrap();
    let commands: [&[&str]; 10] = [
        &["status"],
        &["opd", "list"],
        &["agent", "invite", "app-2", "--opd", "dinkes"],
        &["user", "list"],
        &["approve", "list"],
        &["grant", "list"],
        &["policy", "show"],
        &["policy", "diff", file.to_str().unwrap()],
        &["policy", "simulate", file.to_str().unwrap()],
        &["retain"],
    ];
    for command in commands {
        let value = site.json(command);
        let kind = value["type"].as_str().unwrap();
        assert!(page.contains(&format!("`{kind}`")), "{kind} is not on the page");
        for field in fields(&value).into_iter().filter(|field| field != "type") {
            assert!(page.contains(&format!("`{field}`")), "{kind} prints {field:?}, which is not on the page");
        }
    }
}

/// The names of an object's fields and of those in its lists.
fn fields(value: &serde_json::Value) -> Vec<String> {
    let mut out = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        out.push(name.clone());
        for item in value.as_array().into_iter().flatten() {
            out.extend(fields(item));
        }
    }
    out
}
