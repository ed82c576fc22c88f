//! `enroll`: from a token to a certificate. The token is used up by it, so what could fail here
//! is tried first.

use serde_json::json;

use pulih_stores::gateway::SiteClient;

use super::Context;
use super::address::gateway_url;
use super::args::Enroll;
use super::drc;
use super::failure::{Failure, Outcome};
use crate::PROGRAM;
use crate::drc::hex;
use crate::state::{Home, Site, StateDir, Turn};

/// Which DRC the site has. If that cannot be asked now, the daemon and the next backup do.
fn learn(context: &Context, state: &StateDir, site: &Site) {
    let learnt =
        SiteClient::open(&site.credentials).map_err(Failure::from).and_then(|client| drc::learn(state, site, &client));
    match learnt {
        Ok(None) => {}
        Ok(Some(odd)) => context.warn(&odd.text),
        Err(failure) => context.warn(&format!("the site's DRC is not known yet: {}", failure.words())),
    }
}

pub fn run(context: &mut Context, args: &Enroll) -> Result<Outcome, Failure> {
    let url = gateway_url(&args.url)?;
    let state = context.state()?;
    if let Some(site) = state.site()? {
        return Err(Failure::said(format!(
            "this agent is enrolled already: with {} ({}), as {}",
            site.name, site.credentials.url, site.agent
        )));
    }
    // A state that cannot be written must not cost the token.
    state.spool()?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (credentials, enrolled) = pulih_stores::gateway::enroll(&url, &args.token, &host, PROGRAM)?;
    let site = Site {
        credentials,
        agent: enrolled.agent,
        opd: enrolled.opd,
        name: enrolled.site,
        owner: enrolled.owner,
        not_after: enrolled.not_after,
        drc_ca: args.token.drc_ca.map(|hash| hex(&hash)),
    };
    // Turns belong to the enrolment: what was said under an earlier one means nothing here.
    state.save_turn(Home::Site, &Turn::default())?;
    state.save_site(&site)?;
    learn(context, &state, &site);
    if context.global.json {
        context.out.json(&json!({
            "type": "pulih/enrolled/v1", "url": url, "site": site.name, "agent": site.agent, "opd": site.opd,
            "owner": site.owner, "not_after": site.not_after,
        }))?;
    } else {
        context.out.line(&format!(
            "Enrolled with {} as {} of {}; the certificate is good until {}.\n\nNext, make the vault; \
             the OPD's owner key signs it:\n  pulih-agent init --store {url} --recipient age1… --request FILE\n\
             Or, at a DRC, bring into place what was ordered onto this server:\n  pulih-agent recover --target DIR",
            site.name, site.agent, site.opd, site.not_after
        ))?;
    }
    Ok(Outcome::Done)
}
