//! `docs/contracts/ledger.md` and the code say the same: every kind with its fields, every field
//! with its meaning, every error; and the other way round.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pulih_ledger::canonical;
use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::entry::kinds::{
    AdoptedCertificate, AgentAdopted, AgentClock, AgentEnrolled, AgentHeard, AgentInvited, AgentRevoked, AgentSilent,
    Alarm, ApprovalEnded, ApprovalGiven, AttestationEnded, AttestationGiven, AuditHeld, BackupFailing,
    CertificateIssued, ChangeApproved, ChangeMade, ChangeProposed, ChangeRefused, CheckpointWitnessed, CloneRefused,
    CopyMade, CopyVerified, DatasetClassified, DeletionApproved, DeletionAsked, DisasterDeclared, DisasterEnded,
    DrillAnnounced, DrillAttested, DrillAuditor, DrillEnded, DrillFinding, DrillMissed, DrillOpened, DrillPhases,
    DrillStarted, DrillStep, ExpiryResumed, ExpiryStopped, GlassBroken, HoldPlaced, HoldReleased, IncidentReported,
    KeyAccepted, KeyProposed, KeyRotated, KeysOpened, LedgerDiverged, LedgerResumed, LineageBegun, LinkBack, LinkLost,
    ObjectDamaged, ObjectHealed, ObjectLost, ObjectsDeleted, OpdAdded, OpdDescribed, PacksAvoided, PacksDoomed, Phases,
    PlanApplied, PolicyApplied, PullRefused, PusatMoved, RecipeApplied, RecoveryBegun, RecoveryEnded, RecoveryStep,
    RegulationApplied, ReplicationResumed, ReplicationStopped, ReportIssued, RestoreAsked, RestoreGrantEnded,
    RestoreGrantGiven, RestoreGrantUsed, ScrubFinished, SeedImported, SiteAdopted, SiteAway, SiteCertificate,
    SiteCertified, SiteCreated, SiteDescribed, SitePaired, SiteUnpaired, SitesCompared, SnapshotAccepted,
    SnapshotReplicated, SnapshotsExpired, SuspicionEnded, SuspicionRaised, TrafficMeasured, UserAdded, VaultPinned,
    WitnessAdded, WitnessRemoved,
};
use pulih_ledger::entry::{Body, ENVELOPE, Kind};
use pulih_ledger::ids::Sha256;
use pulih_ledger::rotation::HandOver;
use pulih_ledger::{Actor, Entry, ReadEntry, View, sign_act};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::note::VerifierKey;
use support::{person_key, site, site_key};

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn user(key: VerifierKey) -> UserAdded {
    UserAdded {
        user: id("siti"),
        name: "Siti".into(),
        roles: vec![],
        opd: Some(id("dinkes")),
        key,
        decree: Some("821/4".into()),
        until: Some(id("2027-01-31T00:00:00Z")),
    }
}

/// One of each kind, with every field that it can have.
fn bodies() -> Vec<Body> {
    let (vault, object, hash) = (VaultId([7; 16]), ObjectHash([8; 32]), Sha256([9; 32]));
    let (agent, grant, approval) = (id("dinkes-1"), id("g1"), id("a1"));
    let (dataset, manifest) = (id("rekam-medis"), id(&format!("0000000007-{object}")));
    let time = || id("2027-01-31T00:00:00Z");
    let (site, person) = (site_key().verifier(), person_key().verifier());
    let text = || "Surat 440/17\n\u{2014} \"x\"".to_owned();
    let enrolled = |agent, opd| AgentEnrolled {
        agent,
        opd,
        vault,
        class: "strategis".into(),
        owner: person.fingerprint(),
        key: person.clone(),
        host: "srv-1".into(),
    };
    let given = |approval, opd| ApprovalGiven {
        approval,
        opd,
        vault,
        dataset: id("rekam-medis"),
        by: text(),
        letter: text(),
        document_sha256: hash,
        until: Some(time()),
    };
    let accepted = SnapshotAccepted {
        vault,
        dataset: id("rekam-medis"),
        manifest,
        captured: time(),
        keep_until: Some(time()),
        tiers: vec!["day".into(), "month".into()],
        stored_bytes: 1 << 40,
        partial: true,
        late: true,
    };
    let grant_given = |grant| RestoreGrantGiven {
        grant,
        vault,
        dataset: Some(id("rekam-medis")),
        manifest: Some(manifest),
        to: id("dinkes-1"),
        reason: text(),
        until: time(),
    };
    let issued = |agent| CertificateIssued {
        agent,
        serial: "0a1b".into(),
        certificate_sha256: hash,
        not_before: time(),
        not_after: time(),
        token_sha256: Some(hash),
    };
    let mut all = vec![
        SiteCreated { role: "pusat".into(), name: text(), key: site, uji: true }.into(),
        user(person.clone()).into(),
        OpdAdded { opd: id("dinkes"), name: text(), owner: Some(person.fingerprint()) }.into(),
        AgentInvited { agent: id("dinkes-1"), opd: id("dinkes"), token_sha256: hash, expires: time(), again: true }
            .into(),
        enrolled(id("dinkes-1"), id("dinkes")).into(),
        AgentRevoked { agent, reason: text() }.into(),
        issued(id("dinkes-1")).into(),
        given(id("a1"), id("dinkes")).into(),
        ApprovalEnded { approval, reason: text() }.into(),
        PolicyApplied { policy: "umum".into(), version: 3, object }.into(),
        accepted.into(),
        LineageBegun {
            agent: id("dinkes-1"),
            lineage: "a".repeat(32),
            of: Some("b".repeat(32)),
            machine: "c".repeat(64),
            host: text(),
        }
        .into(),
        CloneRefused { agent: id("dinkes-1"), lineage: "a".repeat(32), host: text(), machine: "c".repeat(64) }.into(),
        PacksDoomed { vault, packs: vec![object.to_string()] }.into(),
        RestoreAsked {
            grant: id("g1"),
            agent: id("dinkes-1"),
            vault,
            dataset: id("rekam-medis"),
            manifest: Some(manifest),
            reason: text(),
        }
        .into(),
        grant_given(id("g1")).into(),
        RestoreGrantEnded { grant, reason: text() }.into(),
        RestoreGrantUsed { grant: id("g1"), agent: id("dinkes-1"), dataset, manifest }.into(),
        Alarm { alarm: "clone".into(), subject: "dinkes-1".into(), text: text() }.into(),
        SeedImported { vault, agent: id("dinkes-1"), medium: text(), objects: 4, bytes: 5 }.into(),
    ];
    all.extend(of_two_sites());
    all.extend(of_silence());
    all.extend(of_keys());
    all.extend(of_keeping());
    all.extend(of_copies_and_changes());
    all.extend(of_recovery());
    all.extend(of_drills());
    all.extend(of_regulations());
    all
}

/// The same of what is kept and what goes.
fn of_keeping() -> Vec<Body> {
    let (vault, object) = (VaultId([7; 16]), ObjectHash([8; 32]));
    let time = || id("2027-01-31T00:00:00Z");
    let (dataset, reason) = (|| id("rekam-medis"), || "Surat 440/17".to_owned());
    let manifests = || vec![format!("0000000007-{object}")];
    vec![
        HoldPlaced { hold: id("h1"), vault, dataset: Some(dataset()), letter: "1".into(), reason: reason() }.into(),
        HoldReleased { hold: id("h1"), reason: reason() }.into(),
        SuspicionRaised {
            suspicion: id("s1"),
            vault,
            dataset: dataset(),
            since: time(),
            measure: "new-bytes".into(),
            text: reason(),
        }
        .into(),
        SuspicionEnded { suspicion: id("s1"), reason: reason() }.into(),
        SnapshotsExpired { vault, dataset: dataset(), manifests: manifests(), deletion: Some(id("d1")) }.into(),
        DeletionAsked { deletion: id("d1"), vault, dataset: dataset(), manifests: manifests(), reason: reason() }
            .into(),
        DeletionApproved { deletion: id("d1") }.into(),
        PacksAvoided { vault, packs: vec![object.to_string()] }.into(),
        ObjectsDeleted { vault, objects: vec!["vaults/x".into()], bytes: 7 }.into(),
        ExpiryStopped { reason: reason() }.into(),
        ExpiryResumed { reason: reason() }.into(),
    ]
}

/// The same of what the store has, and of what would weaken a DRC.
fn of_copies_and_changes() -> Vec<Body> {
    let (vault, object) = (VaultId([7; 16]), ObjectHash([8; 32]));
    let time = || id("2027-01-31T00:00:00Z");
    let text = || "for people".to_owned();
    vec![
        ObjectDamaged { object: "vaults/x".into(), reason: text() }.into(),
        ObjectHealed { object: "vaults/x".into(), source: "pusat-33.19".into(), bytes: 7 }.into(),
        ObjectLost { object: "vaults/x".into(), vault, snapshots: vec![text()] }.into(),
        ScrubFinished { began: time(), objects: 1, bytes: 2, damaged: 3, healed: 4 }.into(),
        SitesCompared { from: id("pusat-33.19"), objects: 1, missing: 2 }.into(),
        CopyMade { medium: text(), receipt: object, snapshots: 1, objects: 2, bytes: 3 }.into(),
        ChangeProposed {
            proposal: id("p1"),
            change: "policy".into(),
            object: Some(object),
            hold: Some(id("h1")),
            from: Some(id("pusat-33.19")),
            vault: Some(vault),
            owner: Some(person_key().verifier().fingerprint()),
            text: text(),
        }
        .into(),
        ChangeApproved { proposal: id("p1"), not_before: time() }.into(),
        ChangeRefused { proposal: id("p1"), reason: text() }.into(),
        ChangeMade { proposal: id("p1") }.into(),
        ReplicationStopped { reason: text() }.into(),
        ReplicationResumed { reason: text() }.into(),
    ]
}

/// The same of the night itself.
fn of_recovery() -> Vec<Body> {
    let (vault, object, hash) = (VaultId([7; 16]), ObjectHash([8; 32]), Sha256([9; 32]));
    let manifest = id(&format!("0000000007-{object}"));
    let time = || id("2027-01-31T00:00:00Z");
    let text = || "for people".to_owned();
    vec![
        PlanApplied { plan: "kabupaten".into(), version: 2, object }.into(),
        DisasterDeclared { disaster: id("d1"), reason: text() }.into(),
        DisasterEnded { disaster: id("d1"), reason: text() }.into(),
        GlassBroken { disaster: Some(id("d1")), what: "keys".into(), reason: text() }.into(),
        KeysOpened { class: "strategis".into(), people: vec!["siti".into()], until: time() }.into(),
        RecoveryBegun {
            recovery: id("r1"),
            disaster: Some(id("d1")),
            plan: Some("kabupaten".into()),
            target: "/srv/pulih".into(),
            reason: Some(text()),
            server: Some(id("baru")),
            points: vec![format!("{vault}/rekam-medis/{manifest}")],
        }
        .into(),
        RecoveryStep {
            recovery: id("r1"),
            step: 1,
            what: "restore".into(),
            vault: Some(vault),
            dataset: Some(id("rekam-medis")),
            manifest: Some(manifest),
            outcome: "done".into(),
            began: time(),
            milliseconds: 1,
            files: 2,
            bytes: 3,
            text: text(),
            phases: Some(Phases { approve: 1, fetch: 2, decrypt: Some(3), write: 4, verify: 5, check: Some(6) }),
            server: Some(id("baru")),
        }
        .into(),
        RecoveryEnded { recovery: id("r1"), outcome: "done".into(), milliseconds: 1 }.into(),
        SiteAdopted {
            from: id("pusat-33.19"),
            size: 7,
            root: pulih_ledger::hash::Hash::of_empty_tree(),
            cards: vec![pulih_ledger::ids::Sha256([7; 32])],
            disaster: Some(id("d-1")),
        }
        .into(),
        AgentAdopted {
            agent: id("dinkes-1"),
            opd: id("dinkes"),
            from: id("pusat-33.19"),
            certificates: vec![AdoptedCertificate { certificate_sha256: hash, not_after: time() }],
        }
        .into(),
        PusatMoved { peer: id("pusat-33.19"), url: "https://pusat:8443".into(), card_sha256: hash }.into(),
    ]
}

/// The same of another key of a site.
fn of_keys() -> Vec<Body> {
    let (key, statement) = (site_key().verifier(), ObjectHash([8; 32]));
    let (old, new) = (site_key(), support::other_key("pulih-ledger/pusat"));
    let possession = HandOver { old: old.verifier(), new: new.verifier() }.possession(&new);
    vec![
        KeyProposed { key: key.clone(), possession, reason: "pegawai pindah".into() }.into(),
        KeyAccepted { peer: id("pusat-33.19"), key: key.clone(), proposal: 7, statement }.into(),
        KeyRotated { key, proposal: 7, peer: Some(id("drc-33.19")), statement: Some(statement) }.into(),
    ]
}

/// The same of what kept points from coming.
fn of_silence() -> Vec<Body> {
    let since = || id("2027-01-31T00:00:00Z");
    let (agent, peer) = (|| id("dinkes-1"), || id("pusat-33.19"));
    let failing = BackupFailing { agent: agent(), dataset: id("rekam-medis"), since: since(), text: "penuh".into() };
    vec![
        AgentSilent { agent: agent(), since: since() }.into(),
        AgentHeard { agent: agent(), since: since() }.into(),
        AgentClock { agent: agent(), seconds: -7200 }.into(),
        failing.into(),
        LinkLost { peer: peer(), since: since() }.into(),
        LinkBack { peer: peer(), since: since() }.into(),
        SiteAway { since: since() }.into(),
    ]
}

/// The same of drills.
fn of_drills() -> Vec<Body> {
    let (vault, object) = (VaultId([7; 16]), ObjectHash([8; 32]));
    let (manifest, key) = (id(&format!("0000000007-{object}")), person_key().verifier());
    let time = || id("2027-01-31T00:00:00Z");
    let (text, drill) = (|| "for people".to_owned(), || id("d-1"));
    let (operator, provider) = (Some(text()), Some(text()));
    let auditor =
        DrillAuditor { user: id("aud-1"), name: text(), institution: text(), mandate: text(), key, operator, provider };
    let finding = DrillFinding { text: text(), owner: text(), until: time() };
    vec![
        RecipeApplied { recipe: "simrs".into(), version: 3, object }.into(),
        DrillAnnounced {
            drill: drill(),
            kind: "restore".into(),
            class: Some("publik".into()),
            schedule: Some("publik/restore".into()),
            occurrence: Some(7),
            due: Some(time()),
            points: vec![format!("{vault}/rekam-medis/{manifest}")],
            plan: Some("kabupaten".into()),
            plan_version: Some(2),
            recipes: Some(vec![format!("simrs/3/{object}")]),
            sample_percent: Some(5),
            scratch_bytes: 1 << 40,
            policy: object,
            until: time(),
            auditor: Some(auditor),
        }
        .into(),
        DrillOpened { drill: drill(), announcement: Sha256([9; 32]) }.into(),
        DrillStarted { drill: drill(), size: Some(7), cosigner: Some(text()), cosignature: Some(text()) }.into(),
        DrillStep {
            drill: drill(),
            step: 1,
            what: "restore".into(),
            vault: Some(vault),
            dataset: Some(id("rekam-medis")),
            manifest: Some(manifest),
            outcome: "passed".into(),
            began: time(),
            milliseconds: 21,
            phases: DrillPhases { approve: 1, fetch: 2, decrypt: 3, write: 4, verify: 5, check: 6 },
            files: 2,
            bytes: 3,
            total_files: 4,
            total_bytes: 5,
            text: text(),
        }
        .into(),
        DrillEnded {
            drill: drill(),
            outcome: "passed".into(),
            milliseconds: 1,
            steps: 1,
            log: object,
            leftovers: 0,
            text: text(),
        }
        .into(),
        WitnessAdded {
            witness: id("inspektorat"),
            name: text(),
            institution: text(),
            key: CosignerKey::of(person_key().verifier()),
        }
        .into(),
        WitnessRemoved { witness: id("inspektorat"), reason: text() }.into(),
        CheckpointWitnessed {
            witness: id("inspektorat"),
            size: 7,
            root: pulih_ledger::hash::Hash::of_empty_tree(),
            time: id("2027-01-31T00:00:00Z"),
        }
        .into(),
        LedgerResumed { size: 7, proof: ObjectHash([8; 32]), reason: text() }.into(),
        DrillMissed {
            schedule: "publik/restore".into(),
            kind: "restore".into(),
            class: Some("publik".into()),
            occurrence: 8,
            due: time(),
            reason: text(),
            count: Some(3),
        }
        .into(),
        DrillAttested {
            drill: drill(),
            ended: Sha256([9; 32]),
            opinion: "met-with-findings".into(),
            findings: vec![finding],
            document_sha256: Some(Sha256([9; 32])),
        }
        .into(),
    ]
}

/// The same of what clauses are held against.
fn of_regulations() -> Vec<Body> {
    let (vault, object, hash) = (VaultId([7; 16]), ObjectHash([8; 32]), Sha256([9; 32]));
    let time = || id("2027-01-31T00:00:00Z");
    let text = || "Surat 440/17".to_owned();
    vec![
        RegulationApplied { regulation: "kudus-48-2019".into(), version: 2, object, text_sha256: hash }.into(),
        AttestationGiven {
            attestation: id("at-1"),
            regulation: "kudus-48-2019".into(),
            clause: "12-1".into(),
            item: "kajian-risiko".into(),
            opinion: "met".into(),
            by: text(),
            letter: text(),
            document_sha256: hash,
            until: time(),
            text: Some(text()),
        }
        .into(),
        AttestationEnded { attestation: id("at-1"), reason: text() }.into(),
        AuditHeld {
            audit: id("au-1"),
            subject: "data-centre".into(),
            by: text(),
            body: "accredited".into(),
            letter: text(),
            document_sha256: hash,
            held: time(),
            findings: vec![DrillFinding { text: text(), owner: text(), until: time() }],
            accreditation: Some(text()),
        }
        .into(),
        DatasetClassified {
            vault,
            dataset: id("rekam-medis"),
            purpose: Some("strategis".into()),
            confidentiality: Some("rahasia".into()),
            category: Some("tinggi".into()),
            content: Some("information".into()),
            by: text(),
            letter: text(),
        }
        .into(),
        SiteDescribed {
            name: text(),
            regency: Some("34.71".into()),
            latitude: Some("-7.8".into()),
            longitude: Some("110.4".into()),
            operator: Some(text()),
            operator_is_asn: Some(true),
            provider: Some(text()),
            certificates: vec![SiteCertificate { name: text(), number: text(), until: time() }],
        }
        .into(),
        ReportIssued {
            report: "continuity".into(),
            from: time(),
            to: time(),
            size: 7,
            root: pulih_ledger::hash::Hash::of_empty_tree(),
            data_sha256: hash,
            pdf_sha256: hash,
            language: "id".into(),
        }
        .into(),
        IncidentReported {
            incident: id("in-1"),
            hold: Some(id("h1")),
            began: time(),
            reported: time(),
            letter: Some(text()),
            text: text(),
        }
        .into(),
        OpdDescribed { opd: id("dinkes"), own_centre: true, by: text(), letter: text() }.into(),
        CopyVerified { medium: text(), receipt: object, snapshots: 3, objects: 5, bytes: 7 }.into(),
        TrafficMeasured {
            opd: id("dinkes"),
            from: time(),
            until: time(),
            received: 7,
            sent: 1,
            days: vec![0, 7],
            busiest: Some(time()),
            busiest_bytes: 5,
            measured_seconds: 3600,
        }
        .into(),
    ]
}

/// The same of what goes on between sites.
fn of_two_sites() -> Vec<Body> {
    let (vault, object, hash) = (VaultId([7; 16]), ObjectHash([8; 32]), Sha256([9; 32]));
    let (manifest, person) = (id(&format!("0000000007-{object}")), person_key().verifier());
    let (dataset, peer) = (id("rekam-medis"), || id("pusat-33.19"));
    let time = || id("2027-01-31T00:00:00Z");
    vec![
        SitePaired {
            peer: peer(),
            role: "pusat".into(),
            name: "Pusat Data".into(),
            key: site_key().verifier(),
            ca_sha256: hash,
            card_sha256: hash,
        }
        .into(),
        SiteUnpaired { peer: peer(), reason: "pindah".into() }.into(),
        SiteCertified {
            peer: peer(),
            serial: "0a1b".into(),
            certificate_sha256: hash,
            not_before: time(),
            not_after: time(),
        }
        .into(),
        VaultPinned {
            vault,
            opd: id("dinkes"),
            agent: id("dinkes-1"),
            class: "strategis".into(),
            owner: person.fingerprint(),
        }
        .into(),
        SnapshotReplicated {
            from: peer(),
            vault,
            dataset: id("rekam-medis"),
            manifest,
            accepted: time(),
            captured: time(),
            keep_until: Some(time()),
            tiers: vec!["day".into()],
            stored_bytes: 1 << 40,
            partial: true,
            provisional: true,
        }
        .into(),
        PullRefused {
            from: peer(),
            object: "vaults/x".into(),
            reason: "hash".into(),
            vault: Some(vault),
            dataset: Some(dataset),
            manifest: Some(manifest),
        }
        .into(),
        LedgerDiverged {
            from: peer(),
            size: 7,
            root: pulih_ledger::hash::Hash::of_empty_tree(),
            proof: object,
            reason: "shorter".into(),
        }
        .into(),
    ]
}

fn entry(body: Body) -> Entry {
    Entry::new(site(), id("2026-11-22T01:23:45Z"), Actor::Site, body)
}

fn read(entry: &Entry) -> ReadEntry {
    ReadEntry::parse(&entry.encode(&site()).unwrap()).unwrap()
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contracts/ledger.md");
    std::fs::read_to_string(path).unwrap()
}

/// First and second cell of each row of a section's tables, without the tables' heads.
fn rows<'a>(page: &'a str, title: &str) -> Vec<(&'a str, &'a str)> {
    let section = page.split(&format!("\n## {title}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row[2..].split_once(" | ").map(|(first, rest)| (first, rest.split(" | ").next().unwrap())).unwrap())
        .collect()
}

/// Words between backticks.
fn words(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn kinds_and_fields_are_as_the_page_says() {
    let page = page();
    let mut of_code = BTreeMap::new();
    for body in bodies() {
        let raw = read(&entry(body.clone())).raw;
        let fields: BTreeSet<_> = raw.keys().filter(|name| !ENVELOPE.contains(&name.as_str())).cloned().collect();
        assert_eq!(fields.len() + ENVELOPE.len() - 1, raw.len(), "{:?} has a field of the envelope", body.kind());
        of_code.insert(body.kind().name().to_owned(), fields);
    }
    assert_eq!(of_code.len(), Kind::ALL.len(), "a kind has no example here");
    let of_page: BTreeMap<_, _> = rows(&page, "Kinds")
        .into_iter()
        .map(|(kind, fields)| (kind.trim_matches('`').to_owned(), words(fields)))
        .collect();
    assert_eq!(of_code, of_page);

    let used: BTreeSet<_> = of_code.into_values().flatten().collect();
    let explained: BTreeSet<_> = rows(&page, "Fields").iter().flat_map(|(fields, _)| words(fields)).collect();
    assert_eq!(used, explained);
    let envelope: BTreeSet<_> = rows(&page, "Entries").iter().flat_map(|(fields, _)| words(fields)).collect();
    assert_eq!(envelope, ENVELOPE.map(str::to_owned).into());
}

#[test]
fn what_the_page_has_in_brackets_may_be_absent_and_nothing_else() {
    let page = page();
    for (kind, fields) in rows(&page, "Kinds") {
        let optional: BTreeSet<_> =
            fields.split('[').skip(1).flat_map(|part| words(part.split(']').next().unwrap())).collect();
        let body = bodies().into_iter().find(|body| format!("`{}`", body.kind().name()) == kind).unwrap();
        let raw = read(&entry(body)).raw;
        for name in words(fields) {
            let mut without = raw.clone();
            without.remove(&name);
            let read = ReadEntry::parse(&canonical::encode(&without).unwrap()).unwrap();
            assert_eq!(read.body().is_some(), optional.contains(&name), "{kind} without {name}: {:?}", read.view);
        }
    }
}

#[test]
fn every_error_is_on_the_page() {
    let source = include_str!("../src/error.rs");
    let of_code: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(['(', ' ']))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with(char::is_uppercase) && name.bytes().all(|b| b.is_ascii_alphabetic()))
        .collect();
    let of_page: BTreeSet<_> = rows(&page(), "Errors").iter().flat_map(|(names, _)| words(names)).collect();
    assert_eq!(of_code, of_page);
}

#[test]
fn every_kind_comes_back() {
    for body in bodies() {
        let read = read(&entry(body.clone()));
        assert_eq!(read.body(), Some(&body));
        assert_eq!(Kind::from_type(read.type_name()), Some(body.kind()));
        assert_eq!((read.actor, read.at.as_str(), read.site), (Actor::Site, "2026-11-22T01:23:45Z", site()));
        let person = Actor::Person { user: id("siti"), key: person_key().verifier().fingerprint() };
        let signed = sign_act(Entry { actor: person.clone(), ..entry(body.clone()) }, &person_key()).unwrap();
        let read = ReadEntry::parse(&signed.encode(&site()).unwrap()).unwrap();
        assert_eq!((read.actor, read.view), (person, View::Known(Box::new(body))));
    }
}

#[test]
fn what_a_later_version_writes_stays_readable() {
    let raw = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut raw = read(&entry(
            SeedImported {
                vault: VaultId([7; 16]),
                agent: id("dinkes-1"),
                medium: "disk".into(),
                objects: 4,
                bytes: 5,
            }
            .into(),
        ))
        .raw;
        change(&mut raw);
        ReadEntry::parse(&canonical::encode(&raw).unwrap()).unwrap()
    };
    let more = raw(&|raw| drop(raw.insert("soft".into(), 4.into())));
    assert!(more.body().is_some());
    assert_eq!(more.raw["soft"], 4);
    for name in ["pulih/ledger/seed-imported/v2", "pulih/ledger/moon-phase/v1", "other/thing"] {
        let unknown = raw(&|raw| drop(raw.insert("type".into(), name.into())));
        assert_eq!((unknown.type_name(), &unknown.view), (name, &View::Unknown));
        assert_eq!(unknown.raw["bytes"], 5);
    }
    let misread = raw(&|raw| drop(raw.insert("bytes".into(), "five".into())));
    assert!(matches!(misread.view, View::Misread { kind: Kind::SeedImported, .. }));
    let actor = serde_json::json!({"type": "committee", "of": ["a", "b"]});
    let other = raw(&|raw| drop(raw.insert("actor".into(), actor.clone())));
    assert_eq!(other.actor, Actor::Unknown(actor.clone()));
}
