//! Where the gateway answers.

/// `GET`, without a certificate: the site's CA certificate in PEM, to be compared with the
/// fingerprint of a token before it is believed.
pub const CA: &str = "/v1/ca";
/// `POST`, without a certificate: [`crate::enroll::Request`] → [`crate::enroll::Enrolled`].
pub const ENROLL: &str = "/v1/enroll";
/// `GET`: what the site knows of the agent, [`crate::report::AgentView`].
pub const AGENT: &str = "/v1/agent";
/// `PUT`, `GET` (with `Range`), `HEAD`: objects of the agent's own vaults, by name.
pub const OBJECTS: &str = "/v1/objects/";
/// `GET` with `?prefix=`: names below a folder, one a line.
pub const LIST: &str = "/v1/list";

/// Every path with what it takes and whether it needs a certificate, for the contract's test.
pub const ALL: [(&str, &str, bool); 7] = [
    ("GET", CA, false),
    ("POST", ENROLL, false),
    ("GET", AGENT, true),
    ("PUT", OBJECTS, true),
    ("GET", OBJECTS, true),
    ("HEAD", OBJECTS, true),
    ("GET", LIST, true),
];
