//! The connect tab of a workload: one place for every way in.

use super::workload::WorkloadPageView;
use crate::{
    allocations::Allocation,
    identity,
    ssh_keys::{self, Endpoint},
    tenancy::{Allowed, list_members},
};
use api::{
    AllocationId, SshGrantId, SshKeyId, Time, UserId,
    allocations::AllocationState as State,
    people::Role,
    ssh::{SshGrantSource, SshGrantView},
};
use kernel::{
    App, Result,
    db::Reader,
    html::{Markup, badge, banner, code_block, col, danger, html, icon, moment, select, table},
};

/// What the tab knows of SSH.
#[derive(Debug, Clone)]
pub struct Ways {
    /// Where it is listened for.
    pub endpoint: Endpoint,
    /// A shorter name of the workload.
    pub short: Option<String>,
    /// Live ways in.
    pub grants: Vec<SshGrantView>,
    /// Whether whoever looks has a key that opens it.
    pub reachable: bool,
    /// Whether they have a key at all.
    pub has_key: bool,
    /// Whether ports may be forwarded.
    pub forwarding: bool,
    /// Members who could be given a way in; empty where whoever looks may give none.
    pub people: Vec<(UserId, String)>,
    /// Who looks.
    pub me: UserId,
    /// Whether they may give and take.
    pub manages: bool,
}

impl Ways {
    /// Returns what pages are tested with.
    pub(super) fn sample(many: bool) -> Self {
        let nil = uuid::Uuid::nil();
        let grant = |user: &str, key: Option<&str>, source, until| SshGrantView {
            id: SshGrantId(nil),
            allocation_id: AllocationId(nil),
            user_id: UserId(nil),
            user: user.into(),
            ssh_key_id: key.map(|_| SshKeyId(nil)),
            fingerprint: key.map(|_| Endpoint::sample().fingerprint),
            key_name: key.map(str::to_owned),
            source,
            granted_by: UserId(nil),
            created_at: Time(1_795_000_000_000_000),
            expires_at: until,
        };
        let grants = vec![
            grant("Ada Lovelace", Some("laptop"), SshGrantSource::Launch, None),
            grant("Grace Hopper", None, SshGrantSource::Grant, Some(Time(1_795_100_000_000_000))),
        ];
        Self {
            endpoint: Endpoint::sample(),
            short: many.then(|| "training".into()),
            grants: if many { grants } else { vec![] },
            reachable: many,
            has_key: many,
            forwarding: many,
            people: if many { vec![(UserId(nil), "Grace Hopper".into())] } else { vec![] },
            me: UserId(nil),
            manages: many,
        }
    }
}

/// Returns whether somebody decides who else reaches a workload: whoever launched it, and admins.
pub fn decides<A>(who: &Allowed<A>, row: &Allocation) -> bool
where
    A: crate::tenancy::Action<Scope = crate::tenancy::InProject>,
{
    let admin = matches!(who.role(), Some(Role::Admin | Role::Owner));
    admin || row.requested_by == who.caller().user_id()
}

/// Reads it.
///
/// # Errors
/// What the database says.
pub(super) async fn read<A>(
    app: &App,
    tx: &mut Reader,
    who: &Allowed<A>,
    row: &Allocation,
) -> Result<Ways>
where
    A: crate::tenancy::Action<Scope = crate::tenancy::InProject>,
{
    let me = who.caller().user_id();
    let keys = ssh_keys::keys_of(tx, me).await?;
    let grants = ssh_keys::list_grants(tx, row.id).await?;
    let manages = who.may("ssh_grant.create") && decides(who, row);
    let mut people: Vec<(UserId, String)> = Vec::new();
    if manages {
        for (member, person) in list_members(tx, who.scope()).await? {
            if member.role != Role::Viewer {
                people.push((member.user_id, person.display_name));
            }
        }
        if people.iter().all(|(id, _)| *id != me)
            && let Some(user) = identity::find_user(tx, me).await?
        {
            people.insert(0, (me, user.display_name));
        }
    }
    Ok(Ways {
        endpoint: app.get::<Endpoint>().clone(),
        short: super::super::store::short_name(tx, row).await?,
        reachable: who.may("ssh.connect") && ssh_keys::is_among(&grants, me, &keys),
        grants,
        has_key: !keys.is_empty(),
        forwarding: ssh_keys::reach_policy(tx, row.org_id).await?.forwarding,
        people,
        me,
        manages,
    })
}

/// Draws the tab.
pub(super) fn draw(page: &WorkloadPageView) -> Markup {
    let row = &page.row;
    if row.state != State::Active {
        return kernel::html::empty(
            "terminal",
            "No shell right now",
            "A terminal opens while the workload is active. What ran before is listed with its cost.",
            Some(html! { a class="button" href="/workloads" { "Workloads" } }),
        );
    }
    html! {
        div class="stack" {
            section class="card" {
                h2 { "Terminal in the browser" }
                p class="muted" { "A shell on the machine, through a connection the machine itself keeps. Loaded again within a quarter of an hour, the page goes on with the same shell." }
                @if page.may_connect { p { a class="button primary" href={ "/terminal/popout?allocation=" (row.id) } target="_blank" rel="noopener" { (icon("terminal")) "Open terminal" } } }
                @else { p class="muted" { "Your role looks but does not connect." } }
            }
            (ssh(page))
            section class="card" { h2 { "From the command line" } (code_block(&format!("gpuaas shell {}", row.id))) }
            (who_reaches(page))
        }
    }
}

fn ssh(page: &WorkloadPageView) -> Markup {
    let (ways, id) = (&page.ways, page.row.id);
    let end = &ways.endpoint;
    let target = format!("{id}@{}", end.host);
    html! {
        section class="card flow" {
            h2 { "SSH" }
            @if page.may_connect { (standing(page)) }
            (code_block(&end.command(id)))
            @if let Some(short) = &ways.short { p class="muted small" { "Shorter, while no other workload has the name: " code { "ssh " (end.option("-p")) (short) "@" (end.host) } } }
            details class="flow" {
                summary { "Files, ports, editors" }
                h3 { "Copy files" }
                (code_block(&format!("scp {}FILE {target}:", end.option("-P"))))
                (code_block(&format!("rsync -e 'ssh {}' -a FOLDER {target}:", end.option("-p").trim())))
                @if ways.forwarding {
                    h3 { "A port of the workload on your machine" }
                    (code_block(&format!("ssh {}-N -L 8888:localhost:8888 {target}", end.option("-p"))))
                } @else { p class="muted small" { "The organization does not allow forwarding of ports." } }
                h3 { "Open in an editor" }
                p { a class="button" href={ "vscode://vscode-remote/ssh-remote+" (end.authority(id)) "/root" } { "VS Code" } " "
                    a class="button" href={ "jetbrains-gateway://connect#type=ssh&deploy=false&host=" (end.host) "&port=" (end.port) "&user=" (id) "&projectPath=/root" } { "JetBrains Gateway" } }
            }
            p class="small" { "Host key: " code class="wrap" { (end.fingerprint) } }
            p class="muted small" { "Your client shows this fingerprint at the first connection; say yes only if it is the same. To know it beforehand, add this line to " code { "~/.ssh/known_hosts" } ":" }
            (code_block(&end.known_hosts()))
        }
    }
}

/// Whether it would open, and what helps when not.
fn standing(page: &WorkloadPageView) -> Markup {
    let ways = &page.ways;
    let add = format!("/access/credentials?return=/workloads/{}%3Ftab%3Dconnect", page.row.id);
    html! {
        @if ways.reachable { p { (badge("good", "a key of yours opens it")) } }
        @else if !ways.has_key {
            (banner("info", "You have no key yet. Add the public key of your machine, and the line below works.", Some(html! { a class="button" href=(add) { "Add a key" } })))
        } @else if ways.manages {
            (banner("info", "None of your keys opens it: it was launched with others.", Some(html! {
                form method="post" action={ "/workloads/" (page.row.id) "/ssh-grants" } {
                    (page.form.hidden("own-way"))
                    input type="hidden" name="user_id" value=(ways.me);
                    button class="button" { "Let my keys in" }
                }
            })))
        } @else {
            (banner("info", "None of your keys opens it. Whoever launched it, or an admin of the project, can let you in.", None))
        }
    }
}

fn who_reaches(page: &WorkloadPageView) -> Markup {
    let (ways, id) = (&page.ways, page.row.id);
    let rows: Vec<Vec<Markup>> = ways.grants.iter().map(|grant| way(page, grant)).collect();
    let hours = [("8", "8 hours"), ("24", "a day"), ("168", "a week"), ("", "as long as it runs")]
        .map(|(value, words)| (value.to_owned(), words.to_owned()));
    let people: Vec<(String, String)> =
        ways.people.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
    html! {
        section class="card flow" {
            h2 { "Who reaches it over SSH" }
            @if rows.is_empty() { p class="muted" { "Nobody." } }
            @else { (table("Ways in", &[col("Who"), col("With"), col("Since"), col("Until"), col("")], &rows)) }
            @if ways.manages && !people.is_empty() {
                form method="post" action={ "/workloads/" (id) "/ssh-grants" } class="inline-form" {
                    (page.form.hidden("give-way"))
                    (select("user_id", "Let in", "", &people))
                    (select("hours", "For", "8", &hours))
                    button class="button" { (icon("plus")) "Give access" }
                }
                p class="muted small" { "They come in with their own keys, and as the same user as you." }
            }
        }
    }
}

fn way(page: &WorkloadPageView, grant: &SshGrantView) -> Vec<Markup> {
    let id = page.row.id;
    vec![
        html! { strong { (grant.user) } @if grant.source == SshGrantSource::Launch { " " (badge("", "launch")) } },
        html! { @match (&grant.key_name, &grant.fingerprint) {
            (Some(name), Some(fingerprint)) => { span title=(fingerprint) { (name) } }
            _ => { "any of their keys" }
        } },
        moment(grant.created_at),
        html! { @if let Some(until) = grant.expires_at { (moment(until)) } @else { span class="muted" { "released" } } },
        html! { @if page.ways.manages || grant.user_id == page.ways.me {
            (danger("Take back", &format!("Take the way in of {} back?", grant.user), "What they have open over SSH ends within seconds. The terminal in the browser goes by their role.", html! {
                form method="post" action={ "/workloads/" (id) "/ssh-grants/" (grant.id) "/end" } {
                    (page.form.hidden(&format!("end-{}", grant.id)))
                    button class="button danger-go" { "Take back" }
                }
            }))
        } },
    ]
}
