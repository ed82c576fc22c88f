//! The command line: what people type, and what they see.

mod ask;
mod attest;
mod audit;
mod comply;
mod copies;
mod dataset;
mod disaster;
mod doctor;
mod drill;
mod evidence;
mod files;
mod findings;
mod incident;
mod init;
mod keeping;
mod keys;
mod opd;
mod pair;
mod person;
mod plan;
mod policy;
mod proposal;
mod rebuild;
mod recipe;
mod recover;
mod regulation;
pub mod report;
mod scrub;
mod serve;
mod show;
mod witness;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::catalog::CatalogError;
use crate::gateway::ServeError;
use crate::gateway::answer::Refusal;
use crate::pki::PkiError;
use crate::record::RecordError;
use crate::site::{SiteDir, SiteError};
use crate::store::SiteStoreError;
use crate::uji;

/// Keep a site of Pulih: take in the agents' snapshots and know what can be restored.
#[derive(Debug, Parser)]
#[command(name = "pulih-controller", version, max_term_width = 100)]
struct Cli {
    /// The site's keys and its catalog
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PULIH_CONTROLLER_STATE",
        hide_env_values = true,
        default_value = "/var/lib/pulih-controller"
    )]
    state: PathBuf,
    /// Print JSON for programs (docs/contracts/controller-json.md)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a site: its CA, its keys, its store
    Init(Init),
    /// Serve the site's agents, or pull as a DRC, until a signal ends it
    Serve(keys::AtKeeper),
    /// Show each dataset's newest recovery point
    Status,
    /// Look the site over and say what is wrong
    Doctor(keys::AtKeeper),
    /// Make the catalog again from the ledger
    Rebuild,
    /// Pair a DRC with its Pusat Data: two cards, and two people who compare fingerprints
    #[command(subcommand)]
    Pair(Pair),
    /// Pull what is missing at this DRC, or bring a further copy up to date
    Replicate(copies::Replicate),
    /// Read everything again, hold it against its name, and heal what is damaged
    Scrub(scrub::Scrub),
    /// Declare a disaster at this DRC, end it, and see where it stands
    #[command(subcommand)]
    Disaster(disaster::Disaster),
    /// Recovery plans: which services come back first, and who does what
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Bring datasets, or a plan's services in their order, into place on this host
    Recover(recover::Recover),
    /// Try whether what is kept comes back, by the policy's schedules or by hand
    #[command(subcommand)]
    Drill(drill::Drill),
    /// Application recipes: how a service is brought up from its restored data, and what it is asked
    #[command(subcommand)]
    Recipe(recipe::RecipeCommand),
    /// Recovery identities of this site, and the process that keeps them
    #[command(subcommand)]
    Keys(keys::Keys),
    /// At a DRC: what would weaken it, proposed, approved by another person, in force after thirty days
    #[command(subcommand)]
    Proposal(proposal::Proposal),
    /// Go on with what waits until a person has looked
    #[command(subcommand)]
    Resume(proposal::Resume),
    /// What this site can show of itself: recovery points, second by second
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// What each clause of a regulation comes to, with the evidence behind every verdict
    Comply(comply::Comply),
    /// Reports that officials sign, from what the ledgers say
    #[command(subcommand)]
    Report(report::Report),
    /// Regulation packs: what a regulation asks, clause by clause, as data
    #[command(subcommand)]
    Regulation(regulation::RegulationCommand),
    /// On a third machine: co-sign ledgers that go on from all that it saw of them
    #[command(subcommand)]
    Witness(witness::Witness),
    /// What people state of a regulation's clauses
    #[command(subcommand)]
    Attest(attest::AttestCommand),
    /// Audits that were held
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// What kind of data a dataset holds
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Serious failures that others caused
    #[command(subcommand)]
    Incident(incident::IncidentCommand),
    /// Offices that own data
    #[command(subcommand)]
    Opd(Opd),
    /// Servers that are backed up
    #[command(subcommand)]
    Agent(Agent),
    /// People who act with keys of their own
    #[command(subcommand)]
    User(User),
    /// Owners' approvals: without one a dataset is not taken in
    #[command(subcommand)]
    Approve(Approve),
    /// Restore grants: without one no content leaves the site
    #[command(subcommand)]
    Grant(Grant),
    /// The policy in force, and the next one
    #[command(subcommand)]
    Policy(Policy),
    /// Take in a first backup that was carried here on a disk
    Import {
        /// The folder that `pulih-agent backup` wrote into
        folder: PathBuf,
    },
    /// Show what could be deleted now, by the dates that the ledger fixed; or do it
    Retain(keeping::Retain),
    /// Orders that nothing of a dataset is deleted
    #[command(subcommand)]
    Hold(keeping::Hold),
    /// Datasets that look as ransomware leaves them
    #[command(subcommand)]
    Suspicion(keeping::Suspicion),
    /// Delete snapshots before their dates: one person asks, another approves
    #[command(subcommand)]
    Delete(keeping::Delete),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Takes in the agents' snapshots
    Pusat,
    /// Pulls what a Pusat Data has, and restores without it
    Drc,
}

#[derive(Debug, clap::Args)]
struct Init {
    /// What the site is
    #[arg(long)]
    role: Role,
    /// What it is called and where it listens
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// Where its objects are: a folder, or `s3://bucket/prefix` (docs/stores.md)
    #[arg(long, value_name = "URL")]
    store: OsString,
}

#[derive(Debug, Subcommand)]
enum Opd {
    /// Add an office by its owner key
    Add {
        /// A short name: small letters, digits, `.`, `_` and `-`
        name: String,
        /// Its name in full, for people
        #[arg(long)]
        title: String,
        /// The fingerprint of its owner key, as `pulih-agent owner show` prints it
        #[arg(long, value_name = "SHA256:…")]
        owner: String,
    },
    /// Put on record what there is at an office
    #[command(after_long_help = opd::DESCRIBE)]
    Describe(opd::Describe),
    /// List offices, with what each has stored
    List,
}

#[derive(Debug, Subcommand)]
enum Agent {
    /// Print a token that enrolls one server, once
    Invite {
        /// What the server is called here, for good
        name: String,
        /// The office whose server it is
        #[arg(long)]
        opd: String,
        /// The agent is there already and its server was set up anew: its older certificates end
        #[arg(long)]
        again: bool,
    },
    /// List the servers that are enrolled
    List,
    /// Shut a server out, from its next request on
    Revoke {
        /// The server's name, as `agent list` shows it
        name: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
    },
}

/// Who acts, and the key that signs it.
#[derive(Debug, clap::Args)]
struct Signed {
    /// Who does this
    #[arg(long = "as", value_name = "USER", requires = "sign_with")]
    user: Option<String>,
    /// That person's key file, as `pulih-controller user key` made it
    #[arg(long, value_name = "FILE", requires = "user")]
    sign_with: Option<PathBuf>,
}

const USER_ADD: &str = "\
Example:

  pulih-controller user add budi --name \"Budi Santoso, Diskominfo\" --role operator --key KEY \\
      --decree 821/4/2026 --until 2027-12-31 --as siti --sign-with siti.key";

#[derive(Debug, clap::Args)]
struct UserToAdd {
    /// A short name that is never given to another
    id: String,
    /// The person's name and office
    #[arg(long)]
    name: String,
    /// admin, operator, walidata or auditor
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// The office that a walidata speaks for
    #[arg(long)]
    opd: Option<String>,
    /// As `pulih-controller user key` printed it
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Number of the decree that appoints the person
    #[arg(long, value_name = "NUMBER")]
    decree: Option<String>,
    /// Until when the decree does: a date (2027-12-31) or how long (1y). It ends no right here
    #[arg(long, value_name = "WHEN", requires = "decree")]
    until: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Make a person's key; prints the half that others may know
    Key {
        /// Stays with that person
        file: PathBuf,
    },
    /// Let a person act; the first one has to be an admin, who then adds the others
    #[command(after_long_help = USER_ADD)]
    Add(Box<UserToAdd>),
    /// List people and what they may do
    List,
}

#[derive(Debug, Subcommand)]
enum Approve {
    /// Put an owner's approval on record
    Give {
        /// The dataset's name, as the server's agent.toml or `backup --dataset` has it
        dataset: String,
        /// The server whose dataset it is
        #[arg(long)]
        agent: String,
        /// Which of its vaults, if it has several
        #[arg(long, value_name = "ID")]
        vault: Option<String>,
        /// Who approved: name and office
        #[arg(long)]
        by: String,
        /// Number of the letter or decree
        #[arg(long)]
        letter: String,
        /// The letter itself: its hash goes on record
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
        /// A date (2027-12-31) or how long (1y)
        #[arg(long, value_name = "WHEN")]
        until: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// End an approval before its time
    End {
        /// Its id, as `approve list` shows it
        approval: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List approvals
    List,
}

#[derive(Debug, Subcommand)]
enum Grant {
    /// Let a request be answered: content may be fetched until then
    Give {
        /// The request's id
        request: String,
        /// A date (2026-12-31) or how long (24h), 30 days at most
        #[arg(long, value_name = "WHEN", default_value = "24h")]
        until: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Refuse a request, or end a grant before its time
    End {
        /// Its id, as `grant list` shows it
        grant: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List requests and grants
    List,
}

#[derive(Debug, Subcommand)]
enum Pair {
    /// Write this site's card, which begins the pairing: at the DRC, or at a new Pusat Data that is filled from it
    Offer {
        /// Where the card goes
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show what a card says, and its fingerprint
    Show { card: PathBuf },
    /// Believe a card whose fingerprint a person at the other site has read out
    Accept {
        card: PathBuf,
        /// As the other site's person read it out; spaces do not matter
        #[arg(long, value_name = "HEX")]
        fingerprint: String,
        /// At the site that is read: where its own card goes, for the other one
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// At the DRC: tell agents that the Pusat Data whose card this is, filled from here, is theirs now
    Move {
        card: PathBuf,
        /// As the other site's person read it out; spaces do not matter
        #[arg(long, value_name = "HEX")]
        fingerprint: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// End a pairing: the other site reads nothing from its next request on
    End {
        /// The other site's id, as `pair list` shows it
        site: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List paired sites
    List,
}

#[derive(Debug, Subcommand)]
enum Policy {
    /// Print the policy in force
    Show,
    /// Check a policy file; nothing is changed
    Check { file: PathBuf },
    /// Show what a policy file would change, and which changes weaken protection
    Diff { file: PathBuf },
    /// Show what a policy file would keep, cost and break over a year
    Simulate(policy::simulate::Simulate),
    /// Put a policy in force
    Apply {
        file: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(transparent)]
    Pki(#[from] PkiError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] SiteStoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{0}")]
    Said(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Said(refusal.message)
    }
}

/// `lay_out`: how a report becomes a PDF, which only the program itself has in it.
pub fn main(lay_out: report::LayOut) -> ExitCode {
    let cli = Cli::parse();
    let dir = SiteDir::at(cli.state.clone());
    if uji::IS_UJI {
        eprintln!("{}", uji::WARNING);
    }
    let done = match &cli.command {
        Command::Init(args) => init::run(&dir, args, cli.json),
        Command::Serve(at) => serve::run(&dir, at),
        Command::Doctor(at) => match doctor::run(&dir, at, cli.json) {
            Ok(false) => return ExitCode::FAILURE,
            done => done.map(drop),
        },
        Command::Rebuild => rebuild::run(&dir),
        Command::Pair(Pair::Offer { out }) => pair::offer(&dir, out, cli.json),
        Command::Pair(Pair::Show { card }) => pair::show(card, cli.json),
        Command::Pair(Pair::Accept { card, fingerprint, out, signed }) => {
            pair::accept(&dir, card, fingerprint, out.as_deref(), signed, cli.json)
        }
        Command::Pair(Pair::Move { card, fingerprint, signed }) => {
            pair::moved(&dir, card, fingerprint, signed, cli.json)
        }
        Command::Scrub(args @ scrub::Scrub { copy: Some(address), record: false, .. }) => {
            scrub::copy(&dir, address, args, cli.json)
        }
        Command::Scrub(args) if args.naming.files => scrub::files(&dir, &args.naming, cli.json),
        Command::User(User::Key { file }) => person::make_key(file, cli.json),
        Command::Policy(Policy::Check { file }) => policy::check(file),
        Command::Policy(Policy::Diff { file }) => policy::diff(&dir, file, cli.json),
        Command::Policy(Policy::Simulate(asked)) => policy::simulate::run(&dir, asked, cli.json),
        Command::Plan(plan::PlanCommand::Check { file }) => plan::check(file),
        Command::Recipe(recipe::RecipeCommand::Check { file }) => recipe::check(file),
        // Before anything is opened: it goes into the box of a recipe.
        Command::Drill(drill::Drill::Inside) => return pulih_sandbox::inside(),
        Command::Drill(command) => match drill::run(&dir, command, cli.json) {
            Ok(0) => Ok(()),
            Ok(status) => return ExitCode::from(status),
            Err(failure) => Err(failure),
        },
        Command::Recover(args) => recover::run(&dir, args, cli.json),
        Command::Evidence(command) => match evidence::run(&dir, command, cli.json) {
            Ok(false) => return ExitCode::FAILURE,
            done => done.map(drop),
        },
        Command::Comply(args) => comply::run(&dir, args, cli.json),
        Command::Report(command) => report::run(&dir, command, cli.json, lay_out),
        Command::Regulation(
            command @ (regulation::RegulationCommand::Check { .. }
            | regulation::RegulationCommand::Show { packed: true, .. }),
        ) => regulation::run(command),
        Command::Witness(command) => match witness::run(&dir, command, cli.json) {
            Ok(false) => return ExitCode::FAILURE,
            done => done.map(drop),
        },
        Command::Keys(command) => keys::run(&dir, command, cli.json),
        Command::Retain(keeping::Retain { execute: true, command: None, signed }) => {
            keeping::execute(&dir, signed, cli.json)
        }
        command => ask::run(&dir, command, cli.json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
