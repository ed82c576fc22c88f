//! The kinds of entries and their fields, as `docs/contracts/ledger.md` has them: a test holds
//! the two together. A field is added as an option and never changes its meaning.

mod changes;
mod copies;
mod drills;
mod keeping;
mod keys;
mod recovery;
mod regulation;
mod silence;
mod sites;
mod traffic;
mod witness;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use pulih_vault::error::Malformed;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::{Fingerprint, VerifierKey};

use crate::ids::{AgentId, ApprovalId, GrantId, OpdId, Sha256, UserId};
use crate::text;
use crate::time::Time;

pub use changes::{ChangeApproved, ChangeMade, ChangeProposed, ChangeRefused, ReplicationResumed, ReplicationStopped};
pub use copies::{CopyMade, CopyVerified, ObjectDamaged, ObjectHealed, ObjectLost, ScrubFinished, SitesCompared};
pub use drills::{
    DrillAnnounced, DrillAttested, DrillAuditor, DrillEnded, DrillFinding, DrillMissed, DrillOpened, DrillPhases,
    DrillStarted, DrillStep, RecipeApplied,
};
pub use keeping::{
    DeletionApproved, DeletionAsked, ExpiryResumed, ExpiryStopped, HoldPlaced, HoldReleased, ObjectsDeleted,
    PacksAvoided, SnapshotsExpired, SuspicionEnded, SuspicionRaised,
};
pub use keys::{KeyAccepted, KeyProposed, KeyRotated};
pub use recovery::{
    AdoptedCertificate, AgentAdopted, DisasterDeclared, DisasterEnded, GlassBroken, KeysOpened, Phases, PlanApplied,
    PusatMoved, RecoveryBegun, RecoveryEnded, RecoveryStep, SiteAdopted,
};
pub use regulation::{
    AttestationEnded, AttestationGiven, AuditHeld, DatasetClassified, IncidentReported, OpdDescribed,
    RegulationApplied, ReportIssued, SiteCertificate, SiteDescribed,
};
pub use silence::{AgentClock, AgentHeard, AgentSilent, BackupFailing, LinkBack, LinkLost, SiteAway};
pub use sites::{
    LedgerDiverged, PullRefused, SiteCertified, SitePaired, SiteUnpaired, SnapshotReplicated, VaultPinned,
};
pub use traffic::TrafficMeasured;
pub use witness::{CheckpointWitnessed, LedgerResumed, WitnessAdded, WitnessRemoved};

macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($kind,)* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// `<kind>` in the entry's type.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }

        /// What happened: the fields of one kind.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body { $($kind($kind),)* }

        $(impl From<$kind> for Body {
            fn from(body: $kind) -> Self { Self::$kind(body) }
        })*

        impl Body {
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            fn to_value(&self) -> serde_json::Result<Value> {
                match self { $(Self::$kind(body) => serde_json::to_value(body),)* }
            }

            /// Whether an entry of this kind has the kind's fields, from its bytes: for who reads a million of them
            /// and needs no more of most.
            pub fn check(kind: Kind, entry: &[u8]) -> Result<(), Malformed> {
                let checked = match kind { $(Kind::$kind => serde_json::from_slice::<$kind>(entry).map(drop),)* };
                checked.map_err(|error| Malformed::new(kind.name(), error.to_string()))
            }

            fn from_value(kind: Kind, value: Value) -> serde_json::Result<Self> {
                match kind { $(Kind::$kind => serde_json::from_value(value).map(Self::$kind),)* }
            }
        }
    };
}

kinds! {
    SiteCreated = "site-created",
    UserAdded = "user-added",
    OpdAdded = "opd-added",
    AgentInvited = "agent-invited",
    AgentEnrolled = "agent-enrolled",
    AgentRevoked = "agent-revoked",
    CertificateIssued = "certificate-issued",
    ApprovalGiven = "approval-given",
    ApprovalEnded = "approval-ended",
    PolicyApplied = "policy-applied",
    SnapshotAccepted = "snapshot-accepted",
    LineageBegun = "lineage-begun",
    CloneRefused = "clone-refused",
    PacksDoomed = "packs-doomed",
    RestoreAsked = "restore-asked",
    RestoreGrantGiven = "restore-grant-given",
    RestoreGrantEnded = "restore-grant-ended",
    RestoreGrantUsed = "restore-grant-used",
    Alarm = "alarm",
    SeedImported = "seed-imported",
    SitePaired = "site-paired",
    SiteUnpaired = "site-unpaired",
    SiteCertified = "site-certified",
    VaultPinned = "vault-pinned",
    SnapshotReplicated = "snapshot-replicated",
    PullRefused = "pull-refused",
    LedgerDiverged = "ledger-diverged",
    HoldPlaced = "hold-placed",
    HoldReleased = "hold-released",
    SuspicionRaised = "suspicion-raised",
    SuspicionEnded = "suspicion-ended",
    SnapshotsExpired = "snapshots-expired",
    DeletionAsked = "deletion-asked",
    DeletionApproved = "deletion-approved",
    PacksAvoided = "packs-avoided",
    ObjectsDeleted = "objects-deleted",
    ExpiryStopped = "expiry-stopped",
    ExpiryResumed = "expiry-resumed",
    ObjectDamaged = "object-damaged",
    ObjectHealed = "object-healed",
    ObjectLost = "object-lost",
    ScrubFinished = "scrub-finished",
    SitesCompared = "sites-compared",
    CopyMade = "copy-made",
    ChangeProposed = "change-proposed",
    ChangeApproved = "change-approved",
    ChangeRefused = "change-refused",
    ChangeMade = "change-made",
    ReplicationStopped = "replication-stopped",
    ReplicationResumed = "replication-resumed",
    PlanApplied = "plan-applied",
    DisasterDeclared = "disaster-declared",
    DisasterEnded = "disaster-ended",
    GlassBroken = "glass-broken",
    KeysOpened = "keys-opened",
    RecoveryBegun = "recovery-begun",
    RecoveryStep = "recovery-step",
    RecoveryEnded = "recovery-ended",
    SiteAdopted = "site-adopted",
    AgentAdopted = "agent-adopted",
    PusatMoved = "pusat-moved",
    AgentSilent = "agent-silent",
    AgentHeard = "agent-heard",
    AgentClock = "agent-clock",
    BackupFailing = "backup-failing",
    LinkLost = "link-lost",
    LinkBack = "link-back",
    SiteAway = "site-away",
    KeyProposed = "key-proposed",
    KeyAccepted = "key-accepted",
    KeyRotated = "key-rotated",
    RecipeApplied = "recipe-applied",
    DrillAnnounced = "drill-announced",
    DrillOpened = "drill-opened",
    DrillStarted = "drill-started",
    DrillStep = "drill-step",
    DrillEnded = "drill-ended",
    DrillMissed = "drill-missed",
    DrillAttested = "drill-attested",
    WitnessAdded = "witness-added",
    WitnessRemoved = "witness-removed",
    CheckpointWitnessed = "checkpoint-witnessed",
    LedgerResumed = "ledger-resumed",
    RegulationApplied = "regulation-applied",
    AttestationGiven = "attestation-given",
    AttestationEnded = "attestation-ended",
    AuditHeld = "audit-held",
    DatasetClassified = "dataset-classified",
    SiteDescribed = "site-described",
    ReportIssued = "report-issued",
    IncidentReported = "incident-reported",
    TrafficMeasured = "traffic-measured",
    OpdDescribed = "opd-described",
    CopyVerified = "copy-verified",
}

impl Kind {
    pub fn to_type(self) -> String {
        format!("pulih/ledger/{}/v1", self.name())
    }

    /// `None`: of a kind or version that this program does not know.
    pub fn from_type(text: &str) -> Option<Self> {
        let name = text.strip_prefix("pulih/ledger/")?.strip_suffix("/v1")?;
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Body {
    pub(super) fn to_fields(&self) -> Result<Map<String, Value>, Malformed> {
        match self.to_value() {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Malformed::new("ledger entry", "its fields are no object")),
            Err(error) => Err(Malformed::new("ledger entry", error.to_string())),
        }
    }

    pub(super) fn from_fields(kind: Kind, fields: Map<String, Value>) -> Result<Self, Malformed> {
        Self::from_value(kind, Value::Object(fields)).map_err(|error| Malformed::new(kind.name(), error.to_string()))
    }
}

/// The first entry of a ledger: whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCreated {
    /// `pusat` or `drc`.
    pub role: String,
    /// For people.
    pub name: String,
    /// The key that signs this ledger.
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// `true`: by a build for trials, whose clock is not the world's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uji: bool,
}

/// A person may act with a key. Again for the same user: one more key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAdded {
    pub user: UserId,
    pub name: String,
    /// What the person may do, in the controller's words.
    pub roles: Vec<String>,
    /// The office that a walidata speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opd: Option<OpdId>,
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// Number of the decree that appoints the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decree: Option<String>,
    /// Until when it does. It ends no right here: who may act is what an admin says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpdAdded {
    pub opd: OpdId,
    pub name: String,
    /// Its owner key, which signs the descriptions of its vaults.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub owner: Option<Fingerprint>,
}

/// A token was printed that enrols one agent once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInvited {
    pub agent: AgentId,
    pub opd: OpdId,
    /// Of the token: the ledger shows nobody how to enrol.
    pub token_sha256: Sha256,
    pub expires: Time,
    /// For an agent that is there already, on a server that was set up anew: with it the agent's
    /// older certificates end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEnrolled {
    pub agent: AgentId,
    pub opd: OpdId,
    #[serde(with = "text")]
    pub vault: VaultId,
    pub class: String,
    /// The owner key under which the vault's description was signed.
    #[serde(with = "text")]
    pub owner: Fingerprint,
    /// The agent's signing key.
    #[serde(with = "text")]
    pub key: VerifierKey,
    pub host: String,
}

/// From here on nothing that comes with the agent's certificates is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRevoked {
    pub agent: AgentId,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateIssued {
    pub agent: AgentId,
    /// In lower-case hexadecimal.
    pub serial: String,
    /// Of the certificate's DER.
    pub certificate_sha256: Sha256,
    pub not_before: Time,
    pub not_after: Time,
    /// The token that this used up; absent at a renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<Sha256>,
}

/// An OPD approves that a dataset is backed up: a letter or decree says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalGiven {
    pub approval: ApprovalId,
    pub opd: OpdId,
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    /// Who approved, for people: name and office.
    pub by: String,
    /// Number of the letter or decree.
    pub letter: String,
    pub document_sha256: Sha256,
    /// Absent: until it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalEnded {
    pub approval: ApprovalId,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyApplied {
    pub policy: String,
    /// Counts from 1 for each policy.
    pub version: u64,
    /// BLAKE3 of the policy's text, which is an object of the site.
    #[serde(with = "text")]
    pub object: ObjectHash,
}

/// A recovery point of this site. What is written here keeps it, and nothing shortens it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotAccepted {
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    #[serde(with = "text")]
    pub manifest: ManifestName,
    /// As the agent says.
    pub captured: Time,
    /// Absent: it took no tier, and is kept while it is one of the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<Time>,
    /// The tiers it takes: `hour`, `day`, `week`, `month`, `year`.
    pub tiers: Vec<String>,
    /// What it needs, in stored bytes, as its reach says.
    pub stored_bytes: u64,
    /// It holds the work of a long run and is no recovery point.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// It did not come over the line when it was made: brought on a disk, or found when the site
    /// started again. It takes no tier from those that come in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

/// A server's state goes on from here: its first one, one that was taken back in time, or one that
/// moved to another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageBegun {
    pub agent: AgentId,
    /// 32 hexadecimal digits.
    pub lineage: String,
    /// The one whose state it has; absent at the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Tells this machine from others, 64 hexadecimal digits.
    pub machine: String,
    /// The server's name, as it says.
    pub host: String,
}

/// Two machines used the same keys in turn: nothing is taken from the newer one any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloneRefused {
    pub agent: AgentId,
    pub lineage: String,
    /// Of the one that is refused.
    pub host: String,
    pub machine: String,
}

/// No new snapshot may need these packs: they will be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacksDoomed {
    #[serde(with = "text")]
    pub vault: VaultId,
    /// Hashes of packs, at most 500.
    pub packs: Vec<String>,
}

/// An agent asks its OPD's walidata for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreAsked {
    /// The grant that would answer it.
    pub grant: GrantId,
    pub agent: AgentId,
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub manifest: Option<ManifestName>,
    pub reason: String,
}

/// A walidata lets content of a vault be fetched until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreGrantGiven {
    pub grant: GrantId,
    #[serde(with = "text")]
    pub vault: VaultId,
    /// Absent: any dataset of the vault.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub dataset: Option<DatasetName>,
    /// Absent: any snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub manifest: Option<ManifestName>,
    /// Who may fetch.
    pub to: AgentId,
    pub reason: String,
    pub until: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreGrantEnded {
    pub grant: GrantId,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreGrantUsed {
    pub grant: GrantId,
    pub agent: AgentId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    #[serde(with = "text")]
    pub manifest: ManifestName,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Which alarm, in the controller's words.
    pub alarm: String,
    /// What it is about: an agent, a vault, an object.
    pub subject: String,
    /// For people.
    pub text: String,
}

/// A first backup came on a disk that was carried here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedImported {
    #[serde(with = "text")]
    pub vault: VaultId,
    pub agent: AgentId,
    /// Which disk, for people.
    pub medium: String,
    pub objects: u64,
    pub bytes: u64,
}
