//! The proof that a caller may do something to something: [`Allowed`] carries the caller, the scope
//! and the row, and can be made in one way only.

pub use super::scopes::{InDepartment, InOrg, InProject, ScopeOf};
use super::staff;
use super::{
    context::{context_project, standing},
    policy::{self, Rights},
    standing::Place,
    store::{self, Project},
    who,
};
use crate::identity::{self, Caller, factors, keys::Machine, staff_only};
use api::{Code, DeptId, OrgId, ProjectId, people::Role};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Guard, Looked, Stamp},
    db::{Lock, Reader},
    html::FormCtx,
    http::{Entrance, EntranceKind, Head},
};
use std::{any::TypeId, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

/// What a domain gets to find the row an action is about.
pub struct Ask<'a> {
    /// The request.
    pub head: &'a Arc<Head>,
    /// The project named by the request (`X-Project-ID`, `?project=`, a form's field) or the
    /// session's; none when the person has no project.
    pub context: Option<Arc<Project>>,
}

impl Ask<'_> {
    /// Returns the context as the place of something that is yet to be made or listed.
    pub fn in_context(&self) -> Option<Found<()>> {
        let project = self.context.as_ref()?;
        Some(Found::in_project(project.org_id, project.id, ()))
    }
}

/// A row and the scope it lives in.
pub struct Found<R> {
    place: Place,
    row: R,
}

impl<R> Found<R> {
    /// A row of an organization.
    pub fn in_org(org: OrgId, row: R) -> Self {
        Self { place: Place { org, department: None, project: None }, row }
    }

    /// A row of a department.
    pub fn in_department(org: OrgId, department: DeptId, row: R) -> Self {
        Self { place: Place { org, department: Some(department), project: None }, row }
    }

    /// A row of a project.
    pub fn in_project(org: OrgId, project: ProjectId, row: R) -> Self {
        Self { place: Place { org, department: None, project: Some(project) }, row }
    }
}

/// Something a person may be allowed to do. Declared by the domain that does it.
pub trait Action: Send + Sync + 'static {
    /// Permission, audit word, route id and idempotency scope in one: `project.update`.
    const NAME: &'static str;
    /// Where it is checked.
    type Scope: ScopeOf;
    /// Whether a change needs fresh proof of who asks.
    const STEP_UP: bool = false;
    /// Whether it changes who may do what: such acts wait for each other.
    const CHANGES_RIGHTS: bool = false;
    /// What it is done to; `()` for lists and creations.
    type Row: Send + Sync + 'static;
    /// Finds the row the request names, whoever it belongs to; who may see it is decided after.
    fn find<'a>(
        tx: &'a mut Reader,
        ask: &'a Ask<'a>,
    ) -> impl Future<Output = Result<Option<Found<Self::Row>>>> + Send + 'a;
}

/// The proof.
pub struct Allowed<A: Action> {
    caller: Arc<Caller>,
    scope: A::Scope,
    rights: Rights,
    archived: bool,
    row: A::Row,
    head: Arc<Head>,
    stamp: Stamp,
}

impl<A: Action> Allowed<A> {
    /// Returns who it is.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Returns where.
    pub fn scope(&self) -> &A::Scope {
        &self.scope
    }

    /// Returns what they may do there.
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// Returns the strongest role whose rights they have there.
    pub fn role(&self) -> Option<Role> {
        self.rights.role()
    }

    /// Returns what it is done to.
    pub fn row(&self) -> &A::Row {
        &self.row
    }

    /// Returns the request.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// Returns whether the scope is archived: nothing is made in it.
    pub fn archived(&self) -> bool {
        self.archived
    }

    /// Returns what a form of this page needs.
    pub fn form(&self, app: &App) -> FormCtx {
        self.caller.form(app)
    }

    /// Returns whether the same person may do something else in the same scope: for buttons.
    pub fn may(&self, action: &str) -> bool {
        self.rights.may(action) && !(self.archived && policy::changes(action))
    }
}

impl<A: Action> Accountable for Allowed<A> {
    fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

impl<A: Action> Entrance for Allowed<A> {
    const KIND: EntranceKind = EntranceKind::Allowed;
    const ACTION: &'static str = A::NAME;
    const SCOPE: &'static str = <A::Scope as ScopeOf>::NAME;

    async fn enter(app: &App, head: &Arc<Head>) -> Result<Self> {
        let caller = identity::caller(app, head).await?;
        let mut stamp = caller.stamp(head, A::NAME);
        head.remember(Arc::new(stamp.clone()));
        let mut tx = app.db.read().await?;
        let context = context_project(&mut tx, app, &caller, head).await?;
        let ask = Ask { head, context };
        let Some(found) = A::find(&mut tx, &ask).await? else {
            return Err(nothing(&mut tx, app, &caller).await);
        };
        let scope = A::Scope::of(found.place).ok_or_else(Error::not_found)?;
        let (user, place) = (caller.user_id(), scope.place());
        let standing = standing(&mut tx, app, user, place).await?.ok_or_else(Error::not_found)?;
        let own =
            if caller.machine().is_some() { standing.rights } else { standing.rights_at(tx.now()) };
        let rights = own.ok_or_else(Error::not_found)?;
        stamp.org_id = Some(place.org);
        stamp.project_id = place.project;
        if standing.rights.is_none() {
            // Where the platform's people sit is not the organization's to know.
            stamp.ip = None;
        }
        head.remember(Arc::new(stamp.clone()));
        identity::no_glass(&caller, head, A::NAME)?;
        if let Some(machine) = caller.machine() {
            if !head.is_api() {
                return Err(Code::HumanRequired.into());
            }
            machine_may(machine, place.project, A::NAME)?;
        }
        if !rights.may(A::NAME) {
            return Err(who::refused(&mut tx, head, (place, rights), A::NAME).await?);
        }
        if standing.archived && head.mutates() && !policy::goes_on_archived(A::NAME) {
            return Err(policy::archived());
        }
        // Whoever is asked for a factor may still leave.
        if standing.asks_factor() && A::NAME != "organization.leave" {
            factor_asked(app, &mut tx, &caller).await?;
        }
        if A::STEP_UP && head.mutates() {
            identity::fresh(app, &caller).await?;
        }
        if head.mutates() && A::NAME != "organization.leave" {
            identity::confirm::insist(app, &caller)?;
        }
        if !standing.rights.is_some_and(|own| own.may(A::NAME)) {
            head.remember(Arc::new(Looked));
        }
        let epoch = standing.policy_epoch;
        // What is made in a project needs the project still to be there.
        let makes = TypeId::of::<A::Row>() == TypeId::of::<()>();
        let project = place.project.filter(|_| makes);
        stamp.guard = Some(Arc::new(Epoch {
            org: place.org,
            project,
            epoch,
            lock: if A::CHANGES_RIGHTS { Lock::Update } else { Lock::Share },
        }));
        Ok(Self {
            caller,
            scope,
            rights,
            archived: standing.archived,
            row: found.row,
            head: head.clone(),
            stamp,
        })
    }
}

/// Returns the refusal of what is not there, after the same questions as of what is another's: how long it
/// takes tells no difference.
async fn nothing(tx: &mut Reader, app: &App, caller: &Caller) -> Error {
    let nowhere = Place { org: OrgId(uuid::Uuid::nil()), department: None, project: None };
    match standing(tx, app, caller.user_id(), nowhere).await {
        Ok(_) => Error::not_found(),
        Err(error) => error,
    }
}

/// Refuses a person without a factor proven, and a key whose owner has none: it is worth what they are.
async fn factor_asked(app: &App, tx: &mut Reader, caller: &Caller) -> Result<()> {
    match caller.machine() {
        None => identity::strong(app, caller).await,
        Some(_) if factors::count(tx, caller.user_id()).await? > 0 => Ok(()),
        Some(_) => Err(Error::new(Code::InsufficientPermissions).detail(
            "The organization asks for a second factor, and whoever answers for this key has none.",
        )),
    }
}

/// A key works in its own project, for what it was made for; what its owner may is asked besides.
fn machine_may(machine: &Machine, project: Option<ProjectId>, action: &str) -> Result<()> {
    match project {
        None => Err(Code::HumanRequired.into()),
        Some(project) if project != machine.project => Err(Error::not_found()),
        Some(_) if !policy::for_machines(action) => Err(Code::HumanRequired.into()),
        Some(_) if machine.scopes.iter().any(|scope| scope == action) => Ok(()),
        Some(_) => Err(Error::new(Code::InsufficientPermissions)
            .detail(format!("This key was not made for {action}. Make one with that scope."))),
    }
}

/// Refuses a write when rights in the organization changed since the caller was let in, or the project
/// something is to be made in is gone.
struct Epoch {
    org: OrgId,
    project: Option<ProjectId>,
    epoch: i64,
    lock: Lock,
}

impl Guard for Epoch {
    fn holds<'a>(
        &'a self,
        tx: &'a mut Reader,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>> {
        Box::pin(async move {
            Ok(store::epoch_held(tx, self.org, self.project, self.lock).await? == Some(self.epoch))
        })
    }
}

/// Something only people who run the platform may do.
pub trait OperatorAction: Send + Sync + 'static {
    /// `node.approve`
    const NAME: &'static str;
    /// Whether it needs fresh proof of who asks.
    const STEP_UP: bool = false;
}

macro_rules! operator_action {
    ($(#[$meta:meta])* $name:ident = $text:literal, step_up = $step:literal) => {
        $(#[$meta])*
        pub struct $name;
        impl OperatorAction for $name {
            const NAME: &'static str = $text;
            const STEP_UP: bool = $step;
        }
    };
}
pub(crate) use operator_action;

/// The entrance of people who run the platform.
pub struct Operator<A> {
    caller: Arc<Caller>,
    head: Arc<Head>,
    stamp: Stamp,
    action: PhantomData<fn() -> A>,
}

impl<A> Operator<A> {
    /// Returns who it is.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Returns the request.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// Returns what a form of this page needs.
    pub fn form(&self, app: &App) -> FormCtx {
        self.caller.form(app)
    }
}

impl<A: OperatorAction> Operator<A> {
    /// Returns why a page's forms are not for this person; nothing when they may do what it is for.
    pub fn frozen(&self, action: &str) -> Option<String> {
        let role = self.caller.user().platform_role.filter(|role| !staff::may(*role, action))?;
        let role = role.as_str().replace('_', " ");
        Some(format!(
            "You read this page as {role} of the platform. Changing something on it takes {}.",
            staff::who_may(action)
        ))
    }
}

impl<A> Accountable for Operator<A> {
    fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

impl<A: OperatorAction> Entrance for Operator<A> {
    const KIND: EntranceKind = EntranceKind::Operator;
    const ACTION: &'static str = A::NAME;
    const SCOPE: &'static str = "platform";

    async fn enter(app: &App, head: &Arc<Head>) -> Result<Self> {
        let caller = identity::caller(app, head).await?;
        let stamp = caller.stamp(head, A::NAME);
        head.remember(Arc::new(stamp.clone()));
        staff_only(app, &caller, |role| staff::may(role, A::NAME), &staff::who_may(A::NAME))
            .await?;
        if A::STEP_UP && head.mutates() {
            identity::fresh(app, &caller).await?;
        }
        Ok(Self { caller, head: head.clone(), stamp, action: PhantomData })
    }
}
