//! Examples at the end of each command's help, and what the exit status says.

pub const STATUSES: &str = "\
Exit status:
  0  done
  1  failed
  2  the command was not given as it should be
  3  done, but some files could not be read

Begin with `pulih-agent init`. `pulih-agent help COMMAND` has examples.";

pub const INIT: &str = "\
Two files are made, and both go offline: the recovery identity, which reads the vault, and the
owner key, which says who may read and write it. Neither is ever overwritten.

Examples:
  A vault with a new recovery identity and owner key:
    pulih-agent init --store /srv/pulih --class strategis --identity-out opd.identity
  The same, and the DRC can read it too:
    pulih-agent init --store /srv/pulih --identity-out opd.identity --recipient age1…
  With the recipient of an identity and an owner key that are there already:
    pulih-agent init --store /srv/pulih --recipient age1… --owner opd.owner
  The owner key never comes to this server:
    pulih-agent init --store /srv/pulih --recipient age1… --request vault.request
    pulih-agent owner sign vault.request --owner opd.owner --out vault.answer     (elsewhere)
    pulih-agent init --store /srv/pulih --answer vault.answer
  This server was reinstalled, and takes its old vault over:
    pulih-agent init --store /srv/pulih --adopt VAULT --request vault.request
    pulih-agent owner sign vault.request --owner opd.owner --identity opd.identity --out vault.answer
    pulih-agent init --store /srv/pulih --answer vault.answer";

pub const OWNER_SIGN: &str = "\
It prints what is signed and asks. Compare the agent's key with what the server printed when it
wrote the request: whoever has that key writes the vault's snapshots from then on.

Examples:
  pulih-agent owner sign vault.request --owner opd.owner --out vault.answer
  pulih-agent owner sign vault.request --owner opd.owner --identity opd.identity --out vault.answer";

pub const ASK: &str = "\
The walidata gives the grant at the Pusat Data, for a time. Until it ends, `restore`, `ls`, `find`
and `dump` read what was asked for.

Examples:
  pulih-agent ask --store https://pusat.example.go.id:8443 --dataset letters --reason 'disk failed'
  pulih-agent restore --store https://pusat.example.go.id:8443 --identity opd.identity \\
      latest:/srv/letters --target /mnt/back";

pub const ENROLL: &str = "\
The server gets a certificate and a key of its own, which only let it add to its own vaults. The
site is believed because the token names its CA.

Examples:
  pulih-agent enroll https://pusat.example.go.id:8443 --token pulih1_…
  pulih-agent init --store https://pusat.example.go.id:8443 --owner opd.owner --recipient age1…
  pulih-agent backup --store https://pusat.example.go.id:8443 /etc /srv";

pub const SEED: &str = "\
A first backup that would take weeks over the line goes onto a disk, and the disk is carried there.
What is on it is encrypted as at the site. It is for datasets of which the site has nothing yet.

Examples:
  pulih-agent seed --to /mnt/disk
  pulih-agent backup --store /mnt/disk --dataset archive /srv/archive
  pulih-controller import /mnt/disk                                             (at the Pusat Data)";

pub const RUN: &str = "\
What is saved stands in agent.toml (docs/contracts/agent.md); when, in the site's policy. SIGTERM
ends it at the next safe point; SIGHUP has it read agent.toml again and ask the site now.

Examples:
  pulih-agent run
  pulih-agent run --config ./agent.toml --state ./state";

pub const STATUS: &str = "\
For each dataset: the last recovery point at the site, since when the DRC has it, the next run, since
when one is overdue, and how the last one ended. Times are in the policy's time zone.

Examples:
  pulih-agent status
  pulih-agent status --json";

pub const ACCEPT_POLICY: &str = "\
A policy that leaves more out of backups is followed without that until a person on this server
accepts it.

Examples:
  pulih-agent accept-policy --dry-run
  pulih-agent accept-policy";

pub const ACCEPT_DRC: &str = "\
The DRC that the Pusat Data named first is kept: another one is not taken until a person on this server
accepts it. Compare its key with the people of the DRC.

Examples:
  pulih-agent accept-drc --dry-run
  pulih-agent accept-drc";

pub const BACKUP: &str = "\
Files that did not change since the last snapshot are not read again. What cannot be read is named,
the snapshot is kept, and the exit status is 3.

Examples:
  pulih-agent backup --store /srv/pulih /etc /home
  pulih-agent backup --store /srv/pulih --dataset letters --exclude '*.tmp' /srv/letters
  pg_dump office | pulih-agent backup --store /srv/pulih --dataset office --stdin office.sql";

pub const SNAPSHOTS: &str = "\
Signatures are checked against the owner key that this agent pinned at `init`, or whose fingerprint
stands in the identity file. Where there is neither, the list says that it is not verified.

Examples:
  pulih-agent snapshots --store /srv/pulih
  pulih-agent snapshots --store /srv/pulih --identity opd.identity --dataset letters";

pub const LS: &str = "\
Examples:
  pulih-agent ls --store /srv/pulih --identity opd.identity latest
  pulih-agent ls --store /srv/pulih --identity opd.identity -l 1f09a2:/srv/letters";

pub const FIND: &str = "\
Examples:
  pulih-agent find --store /srv/pulih --identity opd.identity latest '*.pdf'
  pulih-agent find --store /srv/pulih --identity opd.identity latest:/srv/letters 'report*'";

pub const DIFF: &str = "\
Examples:
  pulih-agent diff --store /srv/pulih --identity opd.identity 1f09a2 latest";

pub const DUMP: &str = "\
Examples:
  pulih-agent dump --store /srv/pulih --identity opd.identity latest:office.sql | psql office";

pub const RESTORE: &str = "\
Saved paths are kept below the target: /srv/letters comes back as DIR/srv/letters. Every chunk and
every file is checked as it is written.

Examples:
  pulih-agent restore --store /srv/pulih --identity opd.identity latest --target /mnt/back
  pulih-agent restore --store /srv/pulih --identity opd.identity latest:/srv/letters/2026 \\
      --target /mnt/back --include '*.odt'";

pub const RECOVER: &str = "\
At the DRC: pulih-controller recover … --to SERVER. This server needs no vault and no identity; the DRC
gives the keys of what it ordered while the order is open. The command goes on until the order has
ended; after an interruption the same command goes on. The DRC also says who owns each vault: --owner takes
the OPD's own word for it, and what this server has pinned is never exchanged.

Examples:
  pulih-agent enroll https://drc:8443 --token pulih1_…
  pulih-agent recover --target /srv/pulih";

pub const CHECK: &str = "\
Without an identity: names, hashes, signatures, and that every pack and index a snapshot needs is
there. With one: also what the packs and trees hold.

Examples:
  pulih-agent check --store /srv/pulih
  pulih-agent check --store /srv/pulih --identity opd.identity --read-data=5";

pub const DOCTOR: &str = "\
The exit status is 1 if anything is wrong.

Examples:
  pulih-agent doctor --store /srv/pulih
  pulih-agent doctor --store /srv/pulih --identity opd.identity";

pub const REBUILD: &str = "\
Nothing is overwritten: what is missing is added. A manifest that is made again says so.

Examples:
  pulih-agent rebuild --store /srv/pulih --identity opd.identity
  pulih-agent rebuild --store /srv/pulih --identity opd.identity --owner opd.identity.owner";

pub const COMPLETIONS: &str = "\
Examples:
  pulih-agent completions bash > /etc/bash_completion.d/pulih-agent
  pulih-agent completions fish > ~/.config/fish/completions/pulih-agent.fish";
