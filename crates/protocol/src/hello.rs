//! The first thing that a process of an agent says. Each hello takes a turn: who comes with a
//! turn that is past was restored from an image, or is a copy of a server that goes on elsewhere.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The lineage that the last hello gave; absent at the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// What this agent said as `next` the last time; absent at the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// 32 hexadecimal digits, drawn anew and written down before they are sent.
    pub next: String,
    /// 64 hexadecimal digits that tell this machine from others, and nothing else of it.
    pub machine: String,
    /// The server's own name, for people.
    pub host: String,
    pub program: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Goes with every request about objects, and with the next hello.
    pub lineage: String,
    /// This server's state is older than what the site saw: it was taken back in time.
    pub rejoined: bool,
    /// The site's clock, RFC 3339.
    pub at: String,
}
