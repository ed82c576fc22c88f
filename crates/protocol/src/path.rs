//! Where the gateway answers.

/// `GET`, without a certificate: the site's CA certificate in PEM, to be compared with the
/// fingerprint of a token before it is believed.
pub const CA: &str = "/v1/ca";
/// `POST`, without a certificate: [`crate::enroll::Request`] → [`crate::enroll::Enrolled`].
pub const ENROLL: &str = "/v1/enroll";
/// `POST`: [`crate::enroll::Renewal`] → [`crate::enroll::Renewed`].
pub const RENEW: &str = "/v1/renew";
/// `POST`, without a certificate: a signed note of [`crate::enroll::LapsedRenewal`] →
/// [`crate::enroll::Renewed`].
pub const RENEW_LAPSED: &str = "/v1/renew-lapsed";
/// `POST`: [`crate::hello::Hello`] → [`crate::hello::Welcome`].
pub const HELLO: &str = "/v1/hello";
/// `GET`: what the site knows of the agent, [`crate::report::AgentView`].
pub const AGENT: &str = "/v1/agent";
/// `GET`: the policy in force, [`crate::policy::PolicyInForce`].
pub const POLICY: &str = "/v1/policy";
/// `POST`: [`crate::report::Report`] → [`crate::report::ReportTaken`].
pub const REPORT: &str = "/v1/report";
/// `POST`: [`crate::grant::Asking`] → [`crate::grant::Asked`].
pub const ASK: &str = "/v1/restore-requests";
/// `GET` with `?vault=`: hashes of doomed packs, one a line.
pub const DOOMED: &str = "/v1/doomed";
/// `GET` with `?vault=`: hashes of packs of which little is needed any more, one a line.
pub const AVOIDED: &str = "/v1/avoided";
/// `PUT`, `GET` (with `Range`), `HEAD`: objects of the agent's own vaults, by name.
pub const OBJECTS: &str = "/v1/objects/";
/// `GET` with `?prefix=`: names below a folder, one a line.
pub const LIST: &str = "/v1/list";

/// `GET`: the DRC that this site is paired with, [`crate::drc::DrcCard`].
pub const DRC: &str = "/v1/drc";
/// `GET` at a DRC: a signed note of [`crate::drc::Heads`].
pub const HEADS: &str = "/v1/heads";

/// `GET` at a DRC: what this server has to restore now, [`crate::recovery::Now`].
pub const RECOVERY: &str = "/v1/recovery";
/// `POST` at a DRC: [`crate::recovery::KeyAsked`] → [`crate::recovery::KeyGiven`].
pub const RECOVERY_KEY: &str = "/v1/recovery/key";
/// `POST` at a DRC: [`crate::recovery::StepEnded`] → [`crate::recovery::StepTaken`].
pub const RECOVERY_STEP: &str = "/v1/recovery/step";

/// `GET`: the signed head of the site's ledger, for a paired DRC.
pub const REPLICA_HEAD: &str = "/v1/replica/head";
/// `GET` (with `Range`), `HEAD`: objects of all vaults and of the site, for a paired DRC.
pub const REPLICA_OBJECTS: &str = "/v1/replica/objects/";
/// `GET` with `?prefix=`: names below a folder of those, one a line.
pub const REPLICA_LIST: &str = "/v1/replica/list";
/// `POST`: [`crate::enroll::Renewal`] → [`crate::enroll::Renewed`], for a paired DRC.
pub const REPLICA_RENEW: &str = "/v1/replica/renew";
/// `POST`: a checkpoint of this site's ledger with the DRC's co-signature, from a paired DRC.
pub const COSIGNATURE: &str = "/v1/replica/cosignature";
/// `POST`, as C2SP tlog-witness has it: a checkpoint of a paired DRC's ledger, which this site co-signs.
pub const ADD_CHECKPOINT: &str = "/v1/replica/add-checkpoint";

/// The header of every request about objects: the lineage that a [`HELLO`] gave.
pub const LINEAGE_HEADER: &str = "pulih-lineage";

/// Every path with what it takes and whether it needs a certificate, for the contract's test.
pub const ALL: [(&str, &str, bool); 27] = [
    ("GET", CA, false),
    ("POST", ENROLL, false),
    ("POST", RENEW, true),
    ("POST", RENEW_LAPSED, false),
    ("POST", HELLO, true),
    ("GET", AGENT, true),
    ("GET", POLICY, true),
    ("POST", REPORT, true),
    ("POST", ASK, true),
    ("GET", DOOMED, true),
    ("GET", AVOIDED, true),
    ("PUT", OBJECTS, true),
    ("GET", OBJECTS, true),
    ("HEAD", OBJECTS, true),
    ("GET", LIST, true),
    ("GET", DRC, true),
    ("GET", HEADS, true),
    ("GET", RECOVERY, true),
    ("POST", RECOVERY_KEY, true),
    ("POST", RECOVERY_STEP, true),
    ("GET", REPLICA_HEAD, true),
    ("GET", REPLICA_OBJECTS, true),
    ("HEAD", REPLICA_OBJECTS, true),
    ("GET", REPLICA_LIST, true),
    ("POST", REPLICA_RENEW, true),
    ("POST", COSIGNATURE, true),
    ("POST", ADD_CHECKPOINT, true),
];
