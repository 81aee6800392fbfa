CREATE TABLE account_balances (
  account_id BLOB PRIMARY KEY REFERENCES ledger_accounts (id),
  customer INTEGER NOT NULL,
  balance INTEGER NOT NULL,
  CONSTRAINT balance_covers CHECK (NOT customer OR balance >= 0)
) STRICT;

CREATE TABLE allocations (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'provisioning', 'active', 'releasing',
    'released', 'failed', 'release_failed')),
  reason TEXT,
  sku TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count > 0),
  price_per_hour INTEGER NOT NULL,
  simulated INTEGER NOT NULL,
  node_id BLOB NOT NULL REFERENCES nodes (id),
  requested_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  ready_at INTEGER,
  release_asked_at INTEGER,
  ended_at INTEGER, list_price INTEGER, price_line_id BLOB REFERENCES price_book_lines (id), increment_seconds INTEGER NOT NULL DEFAULT 1, minimum_seconds INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE api_keys (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  service_account_id BLOB NOT NULL,
  owner_id BLOB NOT NULL REFERENCES users (id),
  parent_id BLOB REFERENCES api_keys (id),
  name TEXT NOT NULL,
  hint TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  scopes TEXT NOT NULL,
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER,
  paused_at INTEGER,
  revoked_at INTEGER, public_key TEXT,
  FOREIGN KEY (project_id, service_account_id) REFERENCES service_accounts (project_id, id)
) STRICT;

CREATE TABLE assertions (
  key_id BLOB NOT NULL REFERENCES api_keys (id),
  name_hash BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, name_hash)
) STRICT;

CREATE TABLE audit_chain (
  seq INTEGER PRIMARY KEY CHECK (seq > 0),
  entry_id BLOB NOT NULL UNIQUE REFERENCES audit_entries (id),
  hash BLOB NOT NULL,
  chained_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_entries (
  id BLOB PRIMARY KEY,
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL CHECK (actor_kind IN ('user', 'node', 'system', 'anonymous')),
  actor TEXT NOT NULL,
  org_id BLOB,
  project_id BLOB,
  action TEXT NOT NULL,
  target TEXT,
  outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
  code TEXT,
  correlation_id TEXT NOT NULL,
  ip TEXT,
  count INTEGER NOT NULL CHECK (count > 0),
  detail TEXT NOT NULL
) STRICT;

CREATE TABLE audit_waiting (
  entry_id BLOB PRIMARY KEY
) STRICT;

CREATE TABLE auto_top_ups (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  card_id BLOB NOT NULL REFERENCES cards (id),
  state TEXT NOT NULL CHECK (state IN ('on', 'paused', 'off')),
  below INTEGER NOT NULL CHECK (below >= 0),
  amount INTEGER NOT NULL CHECK (amount > 0),
  month_limit INTEGER NOT NULL CHECK (month_limit >= amount),
  why TEXT,
  told_month INTEGER,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE billing_profiles (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  legal_name TEXT NOT NULL,
  address TEXT NOT NULL,
  tax_id TEXT NOT NULL,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE break_glass_codes (
  id BLOB PRIMARY KEY,
  code_hash BLOB NOT NULL,
  made_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  used_at INTEGER,
  use_reason TEXT,
  ended_at INTEGER
) STRICT;

CREATE TABLE budgets (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  department_id BLOB,
  project_id BLOB,
  user_id BLOB REFERENCES users (id),
  period TEXT NOT NULL CHECK (period IN ('month', 'total')),
  amount INTEGER NOT NULL CHECK (amount > 0),
  hard INTEGER NOT NULL,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL,
  warned INTEGER NOT NULL CHECK (warned IN (0, 50, 80, 100)),
  warned_from INTEGER NOT NULL, stops INTEGER NOT NULL DEFAULT FALSE,
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE cards (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  user_id BLOB NOT NULL REFERENCES users (id),
  provider TEXT NOT NULL CHECK (provider IN ('simulator', 'stripe')),
  simulated INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'pending', 'saved', 'removing', 'removed', 'failed')),
  session_ref TEXT,
  page_url TEXT,
  customer_ref TEXT,
  method_ref TEXT,
  brand TEXT NOT NULL,
  last4 TEXT NOT NULL,
  exp_month INTEGER NOT NULL,
  exp_year INTEGER NOT NULL,
  fault TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  saved_at INTEGER,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  CHECK (state <> 'saved' OR (method_ref IS NOT NULL AND customer_ref IS NOT NULL))
) STRICT;

CREATE TABLE claims (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  node_id BLOB NOT NULL REFERENCES nodes (id),
  slot_id BLOB NOT NULL REFERENCES node_slots (id),
  kind TEXT NOT NULL CHECK (kind IN ('slot', 'node_exclusive')),
  state TEXT NOT NULL CHECK (state IN ('live', 'ended')),
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE closed_months (
  month TEXT PRIMARY KEY,
  to_at INTEGER NOT NULL UNIQUE,
  statements INTEGER NOT NULL,
  closed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE credits (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL CHECK (kind IN ('bank_transfer', 'goodwill')),
  amount INTEGER NOT NULL CHECK (amount > 0),
  reason TEXT NOT NULL,
  reference TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'posted', 'declined')),
  txn_id BLOB REFERENCES ledger_transactions (id),
  asked_by BLOB NOT NULL REFERENCES users (id),
  decided_by BLOB REFERENCES users (id),
  created_at INTEGER NOT NULL,
  decided_at INTEGER, expires_days INTEGER CHECK (expires_days IS NULL OR expires_days > 0),
  CHECK ((state = 'posted') = (txn_id IS NOT NULL))
) STRICT;

CREATE TABLE departments (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  slug TEXT NOT NULL,
  display_name TEXT NOT NULL,
  is_default INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at INTEGER NOT NULL,
  UNIQUE (org_id, id),
  UNIQUE (org_id, slug)
) STRICT;

CREATE TABLE device_grants (
  id BLOB PRIMARY KEY,
  device_hash BLOB NOT NULL,
  user_hash BLOB NOT NULL,
  device_label TEXT NOT NULL,
  ip_address TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
  pause_seconds INTEGER NOT NULL,
  polled_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  user_id BLOB REFERENCES users (id),
  session_id BLOB,
  strong INTEGER NOT NULL,
  methods TEXT NOT NULL
) STRICT;

CREATE TABLE disputes (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  payment_id BLOB NOT NULL REFERENCES payments (id),
  dispute_ref TEXT NOT NULL UNIQUE,
  amount INTEGER NOT NULL CHECK (amount > 0),
  taken INTEGER NOT NULL CHECK (taken >= 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost')),
  txn_id BLOB REFERENCES ledger_transactions (id),
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,
  CHECK (taken <= amount)
) STRICT;

CREATE TABLE domains (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  domain TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved')),
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  approved_by BLOB REFERENCES users (id),
  approved_at INTEGER,
  UNIQUE (org_id, domain)
) STRICT;

CREATE TABLE factor_challenges (
  id BLOB PRIMARY KEY,
  session_id BLOB,
  purpose TEXT NOT NULL CHECK (purpose IN ('enrol', 'prove', 'sign_in')),
  state BLOB NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE factors (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('totp', 'passkey')),
  name TEXT NOT NULL,
  secret BLOB NOT NULL,
  credential_id BLOB,
  last_step INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  confirmed_at INTEGER,
  last_used_at INTEGER,
  CHECK (kind = 'totp' OR credential_id IS NOT NULL)
) STRICT;

CREATE TABLE grants (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  txn_id BLOB NOT NULL UNIQUE REFERENCES ledger_transactions (id),
  reason TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  created_at INTEGER NOT NULL
, remaining INTEGER NOT NULL DEFAULT 0 CHECK (remaining >= 0), expired INTEGER NOT NULL DEFAULT 0 CHECK (expired >= 0), expires_at INTEGER, warned_at INTEGER, tracked INTEGER NOT NULL DEFAULT FALSE) STRICT;

CREATE TABLE guesses (
  bucket TEXT PRIMARY KEY,
  failures INTEGER NOT NULL CHECK (failures >= 0),
  window_from INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL
) STRICT;

CREATE TABLE hold_credits (
  hold_id BLOB NOT NULL REFERENCES holds (id),
  grant_id BLOB NOT NULL REFERENCES grants (id),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (hold_id, grant_id)
) STRICT;

CREATE TABLE holds (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  rate_per_hour INTEGER NOT NULL CHECK (rate_per_hour >= 0),
  remaining INTEGER NOT NULL CHECK (remaining >= 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  step INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  stop_at INTEGER,
  created_at INTEGER NOT NULL,
  closed_at INTEGER, user_id BLOB REFERENCES users (id),
  CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
  CHECK (state = 'open' OR remaining = 0),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  location TEXT NOT NULL,
  body BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT;

CREATE TABLE identities (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  provider_id BLOB NOT NULL REFERENCES identity_providers (id),
  org_id BLOB,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  methods TEXT NOT NULL,
  member_of TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identity_providers (
  id BLOB PRIMARY KEY,
  org_id BLOB REFERENCES organizations (id),
  label TEXT NOT NULL,
  issuer TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_secret BLOB,
  scopes TEXT NOT NULL,
  groups_claim TEXT NOT NULL,
  trust_mfa INTEGER NOT NULL,
  newcomers TEXT NOT NULL CHECK (newcomers IN ('nothing', 'personal')),
  manage_url TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  removed_at INTEGER,
  last_ok_at INTEGER,
  last_fault TEXT,
  last_fault_at INTEGER,
  CHECK (org_id IS NULL OR newcomers = 'nothing')
) STRICT;

CREATE TABLE invitations (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  project_id BLOB,
  email TEXT,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  token_hash BLOB NOT NULL,
  invited_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  accepted_at INTEGER,
  accepted_by BLOB REFERENCES users (id),
  revoked_at INTEGER,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE join_tokens (
  id BLOB PRIMARY KEY,
  token_hash BLOB NOT NULL,
  approves INTEGER NOT NULL,
  shared_kernel TEXT NOT NULL CHECK (shared_kernel IN ('one_organization', 'allowed')),
  uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger_accounts (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN
    ('available', 'promotional', 'held', 'revenue', 'promotions', 'loss', 'clearing', 'bank', 'refunds', 'disputes')),
  org_id BLOB REFERENCES organizations (id),
  currency TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  CHECK (org_id IS NOT NULL OR kind IN ('revenue', 'promotions', 'loss'))
) STRICT;

CREATE TABLE ledger_postings (
  id BLOB PRIMARY KEY,
  txn_id BLOB NOT NULL REFERENCES ledger_transactions (id),
  debit_account BLOB NOT NULL REFERENCES ledger_accounts (id),
  credit_account BLOB NOT NULL REFERENCES ledger_accounts (id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  at INTEGER NOT NULL,
  CHECK (debit_account <> credit_account)
) STRICT;

CREATE TABLE ledger_transactions (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN
    ('grant', 'hold', 'hold_release', 'usage', 'correction', 'payment', 'refund', 'dispute', 'dispute_reversal',
     'adjustment', 'expiry', 'write_off')),
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  memo TEXT NOT NULL,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  project_id BLOB,
  allocation_id BLOB,
  simulated INTEGER NOT NULL,
  corrects BLOB REFERENCES ledger_transactions (id),
  actor TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE mail_attachments (
  mail_id BLOB PRIMARY KEY REFERENCES mails (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  media TEXT NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE mail_confirmations (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  email TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

CREATE TABLE mails (
  id BLOB PRIMARY KEY,
  address TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  sent_at INTEGER,
  fault TEXT
) STRICT;

CREATE TABLE marks (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;

CREATE TABLE metering_sources (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

CREATE TABLE meters (
  allocation_id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  sku TEXT NOT NULL,
  units INTEGER NOT NULL CHECK (units > 0),
  price_per_hour INTEGER NOT NULL CHECK (price_per_hour >= 0),
  simulated INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  metered_to INTEGER NOT NULL,
  billed_micros INTEGER NOT NULL CHECK (billed_micros >= 0),
  charged INTEGER NOT NULL CHECK (charged >= 0),
  windows INTEGER NOT NULL,
  stopped_at INTEGER, user_id BLOB REFERENCES users (id), list_price INTEGER, price_line_id BLOB REFERENCES price_book_lines (id), increment_seconds INTEGER NOT NULL DEFAULT 1, minimum_seconds INTEGER NOT NULL DEFAULT 0, rounding INTEGER NOT NULL DEFAULT 0 CHECK (rounding >= 0),
  CHECK (metered_to >= started_at),
  CHECK (stopped_at IS NULL OR stopped_at >= started_at),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE money_states (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  state TEXT NOT NULL CHECK (state IN ('healthy', 'low_balance', 'auto_release_pending', 'depleted')),
  since INTEGER NOT NULL,
  ran_out_at INTEGER
) STRICT;

CREATE TABLE node_slots (
  id BLOB PRIMARY KEY,
  node_id BLOB NOT NULL REFERENCES nodes (id),
  slot_index INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('gpu', 'cpu')),
  model TEXT NOT NULL,
  gpu_uuid TEXT,
  gpu_memory_mib INTEGER NOT NULL,
  cpu_milli INTEGER NOT NULL CHECK (cpu_milli > 0),
  mem_mib INTEGER NOT NULL CHECK (mem_mib > 0),
  simulated INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('discovered', 'available', 'cleanup_blocked', 'disabled')),
  reason TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (node_id, slot_index)
) STRICT;

CREATE TABLE node_works (
  allocation_id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  node_id BLOB NOT NULL REFERENCES nodes (id),
  generation INTEGER NOT NULL CHECK (generation > 0),
  want TEXT NOT NULL CHECK (want IN ('running', 'absent')),
  spec TEXT NOT NULL,
  observed_generation INTEGER NOT NULL,
  observed_state TEXT CHECK (observed_state IN ('starting', 'running', 'stopping', 'absent', 'failed', 'stuck')),
  observed_detail TEXT NOT NULL,
  observed_at INTEGER,
  created_at INTEGER NOT NULL, wanted_at INTEGER,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE nodes (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('bootstrap_issued', 'enrolling', 'active', 'offline',
    'quarantined', 'draining', 'retired', 'removing', 'deleted')),
  simulated INTEGER NOT NULL,
  shared_kernel TEXT NOT NULL CHECK (shared_kernel IN ('one_organization', 'allowed')),
  inventory TEXT,
  last_heartbeat_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE notice_mutes (
  user_id BLOB NOT NULL REFERENCES users (id),
  about TEXT NOT NULL CHECK (about IN ('people', 'work')),
  PRIMARY KEY (user_id, about)
) STRICT;

CREATE TABLE notices (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  security INTEGER NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  href TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  read_at INTEGER
) STRICT;

CREATE TABLE one_time_links (
  id BLOB PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('first_sign_in')),
  token_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

CREATE TABLE org_group_members (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  group_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  FOREIGN KEY (org_id, group_id) REFERENCES org_groups (org_id, id)
) STRICT;

CREATE TABLE org_groups (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (org_id, id)
) STRICT;

CREATE TABLE org_members (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  user_id BLOB NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created_at INTEGER NOT NULL
, provider_id BLOB, hand_role TEXT) STRICT;

CREATE TABLE organizations (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('personal', 'enterprise')),
  currency TEXT NOT NULL,
  policy_epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL
, require_mfa TEXT NOT NULL DEFAULT 'owners' CHECK (require_mfa IN ('owners', 'everyone')), archived_at INTEGER) STRICT;

CREATE TABLE password_resets (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  token_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

CREATE TABLE payment_cases (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund', 'dispute', 'word', 'movement')),
  provider TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  object_ref TEXT NOT NULL,
  org_id BLOB REFERENCES organizations (id),
  payment_id BLOB REFERENCES payments (id),
  currency TEXT,
  theirs INTEGER NOT NULL,
  ours INTEGER NOT NULL,
  odd INTEGER NOT NULL,
  note TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  closed_at INTEGER,
  closed_by BLOB REFERENCES users (id),
  reason TEXT NOT NULL
) STRICT;

CREATE TABLE payment_customers (
  org_id BLOB NOT NULL REFERENCES organizations (id),
  provider TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  customer_ref TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, provider, simulated)
) STRICT;

CREATE TABLE payment_events (
  id BLOB PRIMARY KEY,
  provider TEXT NOT NULL,
  event_ref TEXT NOT NULL,
  kind TEXT NOT NULL,
  object_ref TEXT NOT NULL,
  intent_ref TEXT,
  body TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('applied', 'before', 'parked', 'ignored', 'refused')),
  note TEXT NOT NULL,
  org_id BLOB REFERENCES organizations (id),
  payment_id BLOB REFERENCES payments (id)
) STRICT;

CREATE TABLE payment_intents (
  provider TEXT NOT NULL,
  intent_ref TEXT NOT NULL,
  PRIMARY KEY (provider, intent_ref)
) STRICT;

CREATE TABLE payments (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  user_id BLOB NOT NULL REFERENCES users (id),
  provider TEXT NOT NULL CHECK (provider IN ('simulator', 'stripe')),
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'pending', 'processing', 'paid', 'failed', 'cancelled', 'expired')),
  session_ref TEXT,
  checkout_url TEXT,
  intent_ref TEXT,
  fault TEXT,
  declines INTEGER NOT NULL,
  refunded INTEGER NOT NULL CHECK (refunded >= 0 AND refunded <= amount),
  disputed INTEGER NOT NULL CHECK (disputed >= 0),
  cancel_at INTEGER,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  settled_at INTEGER,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  correlation_id TEXT NOT NULL, card_id BLOB REFERENCES cards (id), auto INTEGER NOT NULL DEFAULT FALSE,
  CHECK ((state = 'paid') = (intent_ref IS NOT NULL)),
  CHECK (state = 'paid' OR (refunded = 0 AND disputed = 0))
) STRICT;

CREATE TABLE price_book_lines (
  id BLOB PRIMARY KEY,
  book_id BLOB NOT NULL REFERENCES price_books (id),
  kind TEXT NOT NULL CHECK (kind IN ('sku', 'meter')),
  item TEXT NOT NULL,
  price INTEGER CHECK (price >= 0),
  discount INTEGER CHECK (discount BETWEEN 1 AND 10000),
  increment_seconds INTEGER CHECK (increment_seconds BETWEEN 1 AND 3600),
  minimum_seconds INTEGER CHECK (minimum_seconds BETWEEN 0 AND 86400),
  valid_from INTEGER NOT NULL,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL,
  CHECK (price IS NULL OR discount IS NULL)
) STRICT;

CREATE TABLE price_book_uses (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  project_id BLOB,
  book_id BLOB REFERENCES price_books (id),
  valid_from INTEGER NOT NULL,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE price_books (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  currency TEXT NOT NULL,
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE prices (
  id BLOB PRIMARY KEY,
  sku_id BLOB NOT NULL REFERENCES skus (id),
  price_per_hour INTEGER NOT NULL CHECK (price_per_hour >= 0),
  valid_from INTEGER NOT NULL,
  valid_to INTEGER, increment_seconds INTEGER NOT NULL DEFAULT 1
  CHECK (increment_seconds BETWEEN 1 AND 3600), minimum_seconds INTEGER NOT NULL DEFAULT 0
  CHECK (minimum_seconds BETWEEN 0 AND 86400),
  CHECK (valid_to IS NULL OR valid_to >= valid_from)
) STRICT;

CREATE TABLE processor_movements (
  id BLOB PRIMARY KEY,
  provider TEXT NOT NULL,
  movement_ref TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund', 'dispute', 'fee', 'payout', 'other', 'unread')),
  object_ref TEXT NOT NULL,
  intent_ref TEXT,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  settled INTEGER NOT NULL,
  fee INTEGER NOT NULL,
  settled_currency TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  org_id BLOB REFERENCES organizations (id),
  payment_id BLOB REFERENCES payments (id),
  at INTEGER NOT NULL,
  received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE project_members (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created_at INTEGER NOT NULL, provider_id BLOB, hand_role TEXT,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE project_ssh_keys (
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  ssh_key_id BLOB NOT NULL REFERENCES ssh_keys (id),
  promoted_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, ssh_key_id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE projects (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  department_id BLOB NOT NULL,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER, archived_at INTEGER,
  UNIQUE (org_id, id),
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id)
) STRICT;

CREATE TABLE quotas (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  department_id BLOB,
  project_id BLOB,
  user_id BLOB REFERENCES users (id),
  dimension TEXT NOT NULL CHECK (dimension IN ('allocations', 'gpus', 'vcpus', 'memory_gib', 'keys')),
  ceiling INTEGER NOT NULL CHECK (ceiling >= 0),
  by_platform INTEGER NOT NULL,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL,
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE reach_policies (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  forwarding INTEGER NOT NULL,
  require_key INTEGER NOT NULL,
  changed_by BLOB NOT NULL REFERENCES users (id),
  changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE reconciliations (
  provider TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  read_until INTEGER NOT NULL,
  compared_until INTEGER NOT NULL,
  ran_at INTEGER NOT NULL,
  fault TEXT,
  failed_since INTEGER,
  PRIMARY KEY (provider, simulated)
) STRICT;

CREATE TABLE recording_chunks (
  recording_id BLOB NOT NULL REFERENCES recordings (id),
  seq INTEGER NOT NULL CHECK (seq > 0),
  sealed BLOB NOT NULL,
  PRIMARY KEY (recording_id, seq)
) STRICT;

CREATE TABLE recording_policies (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  mode TEXT NOT NULL CHECK (mode IN ('off', 'on', 'required')),
  keep_days INTEGER NOT NULL CHECK (keep_days BETWEEN 1 AND 3650),
  changed_by BLOB NOT NULL REFERENCES users (id),
  changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recordings (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  terminal_id BLOB NOT NULL,
  part INTEGER NOT NULL CHECK (part > 0),
  way TEXT NOT NULL CHECK (way IN ('terminal', 'ssh')),
  workload TEXT NOT NULL,
  columns INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'ended', 'erased')),
  looks INTEGER NOT NULL,
  position INTEGER NOT NULL,
  chunks INTEGER NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  plain INTEGER NOT NULL CHECK (plain >= 0),
  left_out INTEGER NOT NULL,
  sha256 BLOB,
  started_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  ended_at INTEGER,
  erase_at INTEGER,
  UNIQUE (terminal_id, part),
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
) STRICT;

CREATE TABLE recovery_approvals (
  id BLOB PRIMARY KEY,
  request_id BLOB NOT NULL REFERENCES recovery_requests (id),
  approver_id BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  code_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

CREATE TABLE recovery_requests (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'completed', 'refused', 'cancelled', 'expired')),
  started_by BLOB NOT NULL REFERENCES users (id),
  approvals_needed INTEGER NOT NULL CHECK (approvals_needed BETWEEN 1 AND 2),
  created_at INTEGER NOT NULL,
  ready_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  end_reason TEXT,
  code_hash BLOB
) STRICT;

CREATE TABLE refunds (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  payment_id BLOB NOT NULL REFERENCES payments (id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  borne TEXT NOT NULL CHECK (borne IN ('balance', 'platform')),
  way TEXT NOT NULL CHECK (way IN ('card', 'credit')),
  state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'pending', 'succeeded', 'failed', 'declined')),
  reason TEXT NOT NULL,
  refund_ref TEXT,
  taken INTEGER NOT NULL CHECK (taken >= 0),
  txn_id BLOB REFERENCES ledger_transactions (id),
  asked_by BLOB REFERENCES users (id),
  decided_by BLOB REFERENCES users (id),
  created_at INTEGER NOT NULL,
  decided_at INTEGER,
  ended_at INTEGER,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  fault TEXT,
  CHECK (decided_by IS NULL OR decided_at IS NOT NULL)
) STRICT;

CREATE TABLE role_bindings (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  user_id BLOB REFERENCES users (id),
  group_id BLOB,
  role TEXT CHECK (role IN ('admin', 'member', 'viewer', 'billing', 'security_reviewer')),
  role_id BLOB,
  department_id BLOB,
  project_id BLOB,
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  FOREIGN KEY (org_id, group_id) REFERENCES org_groups (org_id, id),
  FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id),
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id),
  CHECK ((user_id IS NULL) <> (group_id IS NULL)),
  CHECK ((role IS NULL) <> (role_id IS NULL)),
  CHECK (department_id IS NULL OR project_id IS NULL)
) STRICT;

CREATE TABLE role_maps (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  provider_id BLOB NOT NULL REFERENCES identity_providers (id),
  group_name TEXT NOT NULL,
  project_id BLOB,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
  created_at INTEGER NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE roles (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  actions TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (org_id, id)
) STRICT;

CREATE TABLE schema_migrations (
    name TEXT PRIMARY KEY,
    checksum TEXT NOT NULL
);

CREATE TABLE seal_keys (
  place INTEGER PRIMARY KEY CHECK (place = 1),
  key_id TEXT NOT NULL
) STRICT;

CREATE TABLE service_accounts (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  name TEXT NOT NULL,
  owner_id BLOB NOT NULL REFERENCES users (id),
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at INTEGER NOT NULL,
  deleted_at INTEGER,
  UNIQUE (project_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE sessions (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('browser', 'cli')),
  token_hash BLOB NOT NULL,
  device_label TEXT NOT NULL,
  ip_address TEXT NOT NULL,
  project_id BLOB,
  signed_in_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  idle_micros INTEGER NOT NULL CHECK (idle_micros > 0),
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  revoke_reason TEXT
, stage TEXT NOT NULL DEFAULT 'full' CHECK (stage IN ('half', 'enrol', 'full')), strong INTEGER NOT NULL DEFAULT FALSE, methods TEXT NOT NULL DEFAULT 'pwd', fresh_at INTEGER NOT NULL DEFAULT 0, fresh_by BLOB, parent_id BLOB) STRICT;

CREATE TABLE simulated_cards (
  session_ref TEXT PRIMARY KEY,
  card_id BLOB NOT NULL REFERENCES cards (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'good', 'declined', 'closed')),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE simulated_checkouts (
  session_ref TEXT PRIMARY KEY,
  payment_id BLOB NOT NULL UNIQUE REFERENCES payments (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'expired')),
  tell_at INTEGER NOT NULL,
  declines INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE simulated_movements (
  movement_ref TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
  object_ref TEXT NOT NULL,
  intent_ref TEXT NOT NULL,
  payment_id BLOB NOT NULL REFERENCES payments (id),
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE skus (
  id BLOB PRIMARY KEY,
  sku TEXT NOT NULL,
  display_name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('gpu', 'cpu')),
  model TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  capacity_shape TEXT NOT NULL CHECK (capacity_shape IN ('baremetal', 'gpu_slice')),
  units INTEGER NOT NULL CHECK (units > 0),
  active INTEGER NOT NULL,
  created_at INTEGER NOT NULL
, requires_key INTEGER NOT NULL DEFAULT FALSE) STRICT;

CREATE TABLE spend_alerts (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  day INTEGER NOT NULL,
  told_at INTEGER NOT NULL
) STRICT;

CREATE TABLE spend_days (
  allocation_id BLOB NOT NULL REFERENCES meters (allocation_id),
  day INTEGER NOT NULL,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  user_id BLOB REFERENCES users (id),
  sku TEXT NOT NULL,
  charge INTEGER NOT NULL CHECK (charge >= 0),
  unit_micros INTEGER NOT NULL CHECK (unit_micros >= 0),
  simulated INTEGER NOT NULL,
  PRIMARY KEY (allocation_id, day),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE ssh_certificates (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  session_id BLOB NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
) STRICT;

CREATE TABLE ssh_grants (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  ssh_key_id BLOB REFERENCES ssh_keys (id),
  source TEXT NOT NULL CHECK (source IN ('launch', 'grant')),
  granted_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  ended_at INTEGER,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
) STRICT;

CREATE TABLE ssh_keys (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  bits INTEGER,
  fingerprint TEXT NOT NULL,
  public_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  deleted_at INTEGER
) STRICT;

CREATE TABLE sso_attempts (
  id BLOB PRIMARY KEY,
  state_hash BLOB NOT NULL,
  browser_hash BLOB NOT NULL,
  provider_id BLOB NOT NULL REFERENCES identity_providers (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('sign_in', 'link', 'step_up')),
  session_id BLOB,
  secrets BLOB NOT NULL,
  back TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sso_logouts (
  name BLOB PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sso_sessions (
  session_id BLOB PRIMARY KEY,
  identity_id BLOB NOT NULL REFERENCES identities (id),
  provider_id BLOB NOT NULL,
  sid TEXT,
  secrets BLOB NOT NULL,
  refreshes INTEGER NOT NULL,
  last_ok_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL
) STRICT;

CREATE TABLE statements (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  month TEXT NOT NULL,
  number TEXT NOT NULL UNIQUE,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  currency TEXT NOT NULL,
  opening INTEGER NOT NULL,
  closing INTEGER NOT NULL,
  used INTEGER NOT NULL,
  body TEXT NOT NULL,
  digest TEXT NOT NULL,
  closed_at INTEGER NOT NULL,
  CHECK (to_at > from_at AND closed_at >= to_at)
) STRICT;

CREATE TABLE support_accesses (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  user_id BLOB NOT NULL REFERENCES users (id),
  reason TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL CHECK (ends_at > opened_at),
  ended_at INTEGER,
  ended_by BLOB REFERENCES users (id)
) STRICT;

CREATE TABLE task_steps (
  task_id BLOB NOT NULL REFERENCES tasks (id),
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  step TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  failed INTEGER NOT NULL,
  PRIMARY KEY (task_id, seq)
) STRICT;

CREATE TABLE tasks (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  subject BLOB NOT NULL,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  step TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'needs_human')),
  reason TEXT,
  started_by TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  wake_at INTEGER NOT NULL,
  deadline_at INTEGER NOT NULL,
  lease_token BLOB,
  lease_until INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE terminal_shares (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  terminal_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  shared_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
) STRICT;

CREATE TABLE terminal_tickets (
  id BLOB PRIMARY KEY,
  ticket_hash BLOB NOT NULL,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  session_id BLOB NOT NULL,
  origin TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER, terminal_id BLOB, record INTEGER NOT NULL DEFAULT FALSE, share_id BLOB,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
) STRICT;

CREATE TABLE usage_charges (
  id BLOB PRIMARY KEY,
  total_id BLOB NOT NULL REFERENCES usage_totals (id),
  seq INTEGER NOT NULL CHECK (seq > 0),
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  quantity_to INTEGER NOT NULL,
  charge INTEGER NOT NULL CHECK (charge >= 0),
  day INTEGER NOT NULL,
  at INTEGER NOT NULL,
  txn_id BLOB REFERENCES ledger_transactions (id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE usage_days (
  project_id BLOB NOT NULL,
  day INTEGER NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  org_id BLOB NOT NULL,
  charge INTEGER NOT NULL CHECK (charge >= 0),
  PRIMARY KEY (project_id, day, meter, subject),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE usage_debts (
  org_id BLOB PRIMARY KEY REFERENCES organizations (id),
  owed INTEGER NOT NULL CHECK (owed >= 0),
  paid INTEGER NOT NULL CHECK (paid >= 0),
  since INTEGER NOT NULL
) STRICT;

CREATE TABLE usage_events (
  id BLOB PRIMARY KEY,
  source_id BLOB NOT NULL REFERENCES metering_sources (id),
  event_id TEXT NOT NULL,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  charge_id BLOB REFERENCES usage_charges (id), write_off_id BLOB REFERENCES usage_write_offs (id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE usage_prices (
  id BLOB PRIMARY KEY,
  meter TEXT NOT NULL,
  currency TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  valid_from INTEGER NOT NULL,
  set_by BLOB NOT NULL REFERENCES users (id),
  set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE usage_totals (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  price_id BLOB NOT NULL REFERENCES usage_prices (id),
  price INTEGER NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  charged INTEGER NOT NULL CHECK (charged >= 0),
  charges INTEGER NOT NULL, price_line_id BLOB REFERENCES price_book_lines (id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE usage_waiting (
  org_id BLOB NOT NULL REFERENCES organizations (id),
  meter TEXT NOT NULL,
  events INTEGER NOT NULL CHECK (events >= 0),
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  since INTEGER NOT NULL,
  PRIMARY KEY (org_id, meter)
) STRICT;

CREATE TABLE usage_windows (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL,
  project_id BLOB NOT NULL,
  allocation_id BLOB NOT NULL REFERENCES meters (allocation_id),
  seq INTEGER NOT NULL CHECK (seq > 0),
  sku TEXT NOT NULL,
  units INTEGER NOT NULL,
  price_per_hour INTEGER NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  charge INTEGER NOT NULL CHECK (charge >= 0),
  simulated INTEGER NOT NULL,
  CHECK (to_at > from_at),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
) STRICT;

CREATE TABLE usage_write_offs (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  meter TEXT NOT NULL,
  events INTEGER NOT NULL CHECK (events > 0),
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  reason TEXT NOT NULL,
  by_user BLOB NOT NULL REFERENCES users (id),
  at INTEGER NOT NULL,
  done INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  id BLOB PRIMARY KEY,
  email TEXT NOT NULL,
  display_name TEXT NOT NULL,
  password_hash TEXT,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at INTEGER NOT NULL
, glass INTEGER NOT NULL DEFAULT FALSE, provider_id BLOB, home_org_id BLOB, email_confirmed_at INTEGER, platform_role TEXT
  CHECK (platform_role IN ('operator', 'support', 'security_reviewer'))) STRICT;

CREATE TABLE webhook_deliveries (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  webhook_id BLOB NOT NULL REFERENCES webhooks (id),
  seq INTEGER NOT NULL,
  action TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  done_at INTEGER,
  status INTEGER,
  fault TEXT
) STRICT;

CREATE TABLE webhooks (
  id BLOB PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organizations (id),
  url TEXT NOT NULL,
  actions TEXT NOT NULL,
  secret BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'stopped')),
  created_by BLOB NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  since_at INTEGER NOT NULL,
  slow INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  failing_since INTEGER,
  free_at INTEGER NOT NULL,
  last_at INTEGER,
  last_ok INTEGER
) STRICT;

CREATE INDEX allocations_open ON allocations (state, id) WHERE ended_at IS NULL;

CREATE INDEX allocations_open_in ON allocations (project_id, id) WHERE ended_at IS NULL;

CREATE INDEX allocations_project ON allocations (org_id, project_id, id);

CREATE INDEX api_keys_account ON api_keys (service_account_id, id);

CREATE INDEX api_keys_parent ON api_keys (parent_id) WHERE parent_id IS NOT NULL;

CREATE INDEX api_keys_short ON api_keys (expires_at) WHERE parent_id IS NOT NULL;

CREATE UNIQUE INDEX api_keys_token ON api_keys (token_hash);

CREATE INDEX assertions_over ON assertions (expires_at);

CREATE INDEX audit_entries_correlation ON audit_entries (correlation_id);

CREATE INDEX audit_entries_org ON audit_entries (org_id, id);

CREATE INDEX auto_top_ups_on ON auto_top_ups (org_id) WHERE state = 'on';

CREATE UNIQUE INDEX break_glass_codes_code ON break_glass_codes (code_hash);

CREATE INDEX budgets_org ON budgets (org_id, id);

CREATE INDEX budgets_stops ON budgets (id) WHERE stops;

CREATE INDEX cards_due ON cards (due_at) WHERE state IN ('created', 'pending', 'removing');

CREATE UNIQUE INDEX cards_method ON cards (provider, method_ref) WHERE method_ref IS NOT NULL;

CREATE INDEX cards_org ON cards (org_id, id);

CREATE UNIQUE INDEX cards_session ON cards (provider, session_ref) WHERE session_ref IS NOT NULL;

CREATE INDEX claims_allocation ON claims (allocation_id);

CREATE UNIQUE INDEX claims_live_slot ON claims (slot_id) WHERE state = 'live';

CREATE INDEX claims_node ON claims (node_id) WHERE state = 'live';

CREATE INDEX claims_slot ON claims (slot_id, id);

CREATE INDEX credits_alone ON credits (org_id, asked_by, created_at);

CREATE UNIQUE INDEX credits_reference ON credits (reference) WHERE kind = 'bank_transfer' AND state <> 'declined';

CREATE INDEX credits_waiting ON credits (id) WHERE state = 'requested';

CREATE UNIQUE INDEX departments_one_default ON departments (org_id) WHERE is_default;

CREATE UNIQUE INDEX device_grants_device ON device_grants (device_hash);

CREATE INDEX device_grants_end ON device_grants (expires_at);

CREATE INDEX device_grants_person ON device_grants (user_id) WHERE user_id IS NOT NULL;

CREATE UNIQUE INDEX device_grants_user ON device_grants (user_hash);

CREATE INDEX disputes_closed ON disputes (closed_at) WHERE closed_at IS NOT NULL;

CREATE INDEX disputes_open ON disputes (id) WHERE state = 'open';

CREATE INDEX disputes_opened ON disputes (opened_at);

CREATE INDEX disputes_payment ON disputes (payment_id);

CREATE INDEX disputes_short ON disputes (org_id, id) WHERE state <> 'won' AND taken < amount;

CREATE UNIQUE INDEX domains_approved ON domains (domain) WHERE state = 'approved';

CREATE INDEX domains_pending ON domains (id) WHERE state = 'pending';

CREATE INDEX factor_challenges_end ON factor_challenges (expires_at);

CREATE UNIQUE INDEX factors_credential ON factors (credential_id);

CREATE INDEX factors_user ON factors (user_id, id);

CREATE INDEX grants_ending ON grants (expires_at, id) WHERE remaining > 0 AND expires_at IS NOT NULL;

CREATE INDEX grants_left ON grants (org_id, id) WHERE remaining > 0;

CREATE INDEX grants_org ON grants (org_id, id);

CREATE INDEX hold_credits_grant ON hold_credits (grant_id);

CREATE UNIQUE INDEX holds_one_open ON holds (allocation_id) WHERE state = 'open';

CREATE INDEX holds_open ON holds (id) WHERE state = 'open';

CREATE INDEX holds_org ON holds (org_id, state);

CREATE INDEX holds_to_stop ON holds (stop_at, id) WHERE state = 'open' AND stop_at IS NOT NULL;

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE UNIQUE INDEX identities_platform_subject ON identities (issuer, subject) WHERE org_id IS NULL;

CREATE INDEX identities_provider ON identities (provider_id, id);

CREATE INDEX identities_silent ON identities (seen_at) WHERE member_of <> '[]';

CREATE UNIQUE INDEX identities_subject ON identities (org_id, issuer, subject) WHERE org_id IS NOT NULL;

CREATE INDEX identities_user ON identities (user_id, id);

CREATE INDEX identity_providers_org ON identity_providers (org_id, id) WHERE removed_at IS NULL;

CREATE INDEX invitations_open ON invitations (org_id, id) WHERE accepted_at IS NULL AND revoked_at IS NULL;

CREATE UNIQUE INDEX invitations_token ON invitations (token_hash);

CREATE UNIQUE INDEX join_tokens_token ON join_tokens (token_hash);

CREATE UNIQUE INDEX ledger_accounts_org ON ledger_accounts (org_id, kind, currency) WHERE org_id IS NOT NULL;

CREATE UNIQUE INDEX ledger_accounts_platform ON ledger_accounts (kind, currency) WHERE org_id IS NULL;

CREATE INDEX ledger_postings_credit ON ledger_postings (credit_account, id);

CREATE INDEX ledger_postings_debit ON ledger_postings (debit_account, id);

CREATE INDEX ledger_postings_txn ON ledger_postings (txn_id);

CREATE INDEX ledger_transactions_allocation ON ledger_transactions (allocation_id);

CREATE INDEX ledger_transactions_corrects ON ledger_transactions (corrects);

CREATE UNIQUE INDEX ledger_transactions_fact ON ledger_transactions (source, source_id);

CREATE INDEX ledger_transactions_org ON ledger_transactions (org_id, id);

CREATE UNIQUE INDEX mail_confirmations_token ON mail_confirmations (token_hash);

CREATE INDEX mail_confirmations_user ON mail_confirmations (user_id) WHERE used_at IS NULL;

CREATE INDEX mails_due ON mails (due_at, id) WHERE sent_at IS NULL;

CREATE INDEX mails_old ON mails (created_at) WHERE sent_at IS NULL;

CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;

CREATE UNIQUE INDEX metering_sources_name ON metering_sources (name) WHERE revoked_at IS NULL;

CREATE INDEX meters_open ON meters (allocation_id) WHERE stopped_at IS NULL;

CREATE INDEX meters_running ON meters (org_id) WHERE stopped_at IS NULL;

CREATE INDEX node_slots_blocked ON node_slots (id) WHERE status = 'cleanup_blocked';

CREATE INDEX node_slots_model ON node_slots (model, kind);

CREATE INDEX node_works_node ON node_works (node_id);

CREATE INDEX node_works_open ON node_works (node_id) WHERE observed_generation < generation;

CREATE INDEX node_works_unsettled ON node_works (node_id, allocation_id)
  WHERE NOT (want = 'absent' AND observed_generation = generation AND observed_state IS NOT NULL AND observed_state = 'absent');

CREATE INDEX notices_unread ON notices (user_id) WHERE read_at IS NULL;

CREATE INDEX notices_user ON notices (user_id, id);

CREATE UNIQUE INDEX one_time_links_token ON one_time_links (token_hash);

CREATE UNIQUE INDEX org_group_members_once ON org_group_members (group_id, user_id);

CREATE INDEX org_group_members_user ON org_group_members (user_id, org_id);

CREATE UNIQUE INDEX org_groups_name ON org_groups (org_id, name);

CREATE UNIQUE INDEX org_members_person ON org_members (org_id, user_id);

CREATE INDEX org_members_user ON org_members (user_id);

CREATE UNIQUE INDEX organizations_slug ON organizations (slug);

CREATE UNIQUE INDEX password_resets_token ON password_resets (token_hash);

CREATE INDEX password_resets_user ON password_resets (user_id) WHERE used_at IS NULL;

CREATE INDEX payment_cases_closed ON payment_cases (id) WHERE closed_at IS NOT NULL;

CREATE INDEX payment_cases_object ON payment_cases (provider, kind, object_ref, id);

CREATE UNIQUE INDEX payment_cases_open ON payment_cases (provider, kind, object_ref) WHERE closed_at IS NULL;

CREATE INDEX payment_events_made ON payment_events (provider, made_at);

CREATE INDEX payment_events_parked ON payment_events (provider, intent_ref) WHERE outcome = 'parked';

CREATE INDEX payment_events_payment ON payment_events (payment_id);

CREATE UNIQUE INDEX payment_events_ref ON payment_events (provider, event_ref);

CREATE UNIQUE INDEX payments_auto ON payments (org_id)
  WHERE auto AND state IN ('created', 'pending', 'processing');

CREATE INDEX payments_auto_made ON payments (org_id, created_at) WHERE auto;

CREATE INDEX payments_due ON payments (due_at) WHERE state IN ('created', 'pending', 'processing');

CREATE INDEX payments_first ON payments (provider, simulated, id);

CREATE UNIQUE INDEX payments_intent ON payments (provider, intent_ref) WHERE intent_ref IS NOT NULL;

CREATE INDEX payments_org ON payments (org_id, id);

CREATE UNIQUE INDEX payments_session ON payments (provider, session_ref) WHERE session_ref IS NOT NULL;

CREATE INDEX payments_settled ON payments (settled_at) WHERE state = 'paid';

CREATE INDEX price_book_lines_book ON price_book_lines (book_id, kind, item, valid_from);

CREATE INDEX price_book_uses_book ON price_book_uses (book_id) WHERE book_id IS NOT NULL;

CREATE INDEX price_book_uses_org ON price_book_uses (org_id, valid_from);

CREATE UNIQUE INDEX price_books_name ON price_books (name);

CREATE UNIQUE INDEX prices_one_now ON prices (sku_id) WHERE valid_to IS NULL;

CREATE INDEX processor_movements_at ON processor_movements (provider, simulated, at);

CREATE INDEX processor_movements_object ON processor_movements (provider, kind, object_ref);

CREATE UNIQUE INDEX processor_movements_ref ON processor_movements (movement_ref, provider);

CREATE UNIQUE INDEX project_members_person ON project_members (project_id, user_id);

CREATE INDEX project_members_user ON project_members (user_id);

CREATE INDEX project_ssh_keys_key ON project_ssh_keys (ssh_key_id);

CREATE INDEX projects_department ON projects (department_id) WHERE deleted_at IS NULL;

CREATE UNIQUE INDEX projects_slug ON projects (org_id, slug) WHERE deleted_at IS NULL;

CREATE INDEX quotas_org ON quotas (org_id, id);

CREATE INDEX recordings_due ON recordings (erase_at) WHERE state = 'ended';

CREATE INDEX recordings_kept ON recordings (org_id) WHERE state <> 'erased';

CREATE INDEX recordings_live ON recordings (last_at) WHERE state = 'live';

CREATE INDEX recordings_owner ON recordings (project_id, user_id, id);

CREATE INDEX recordings_project ON recordings (project_id, id);

CREATE UNIQUE INDEX recovery_approvals_once ON recovery_approvals (request_id, approver_id);

CREATE UNIQUE INDEX recovery_codes_code ON recovery_codes (user_id, code_hash);

CREATE UNIQUE INDEX recovery_requests_open ON recovery_requests (user_id) WHERE ended_at IS NULL;

CREATE INDEX recovery_requests_queue ON recovery_requests (ended_at, id);

CREATE INDEX refunds_alone ON refunds (org_id, asked_by, created_at);

CREATE INDEX refunds_due ON refunds (due_at) WHERE state IN ('approved', 'pending');

CREATE INDEX refunds_ended ON refunds (ended_at) WHERE refund_ref IS NOT NULL;

CREATE INDEX refunds_payment ON refunds (payment_id, id);

CREATE UNIQUE INDEX refunds_ref ON refunds (refund_ref) WHERE refund_ref IS NOT NULL;

CREATE INDEX refunds_stuck ON refunds (decided_at) WHERE state = 'approved';

CREATE INDEX refunds_waiting ON refunds (id) WHERE state = 'requested';

CREATE INDEX role_bindings_group ON role_bindings (group_id) WHERE group_id IS NOT NULL;

CREATE INDEX role_bindings_org ON role_bindings (org_id, id);

CREATE INDEX role_bindings_role ON role_bindings (role_id) WHERE role_id IS NOT NULL;

CREATE INDEX role_bindings_user ON role_bindings (user_id, org_id) WHERE user_id IS NOT NULL;

CREATE UNIQUE INDEX role_maps_once ON role_maps (provider_id, group_name, org_id) WHERE project_id IS NULL;

CREATE UNIQUE INDEX role_maps_once_in_project ON role_maps (provider_id, group_name, project_id) WHERE project_id IS NOT NULL;

CREATE INDEX role_maps_org ON role_maps (org_id, id);

CREATE UNIQUE INDEX roles_name ON roles (org_id, name);

CREATE UNIQUE INDEX service_accounts_name ON service_accounts (project_id, name) WHERE deleted_at IS NULL;

CREATE INDEX sessions_parent ON sessions (parent_id) WHERE parent_id IS NOT NULL;

CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);

CREATE INDEX sessions_user ON sessions (user_id, id);

CREATE UNIQUE INDEX simulated_cards_card ON simulated_cards (card_id);

CREATE INDEX simulated_movements_at ON simulated_movements (at);

CREATE UNIQUE INDEX skus_sku ON skus (sku);

CREATE INDEX spend_days_org ON spend_days (org_id, day);

CREATE INDEX spend_days_project ON spend_days (project_id, day);

CREATE INDEX ssh_certificates_fingerprint ON ssh_certificates (fingerprint, expires_at);

CREATE INDEX ssh_certificates_user ON ssh_certificates (user_id, created_at);

CREATE INDEX ssh_grants_allocation ON ssh_grants (allocation_id, id);

CREATE INDEX ssh_grants_user ON ssh_grants (user_id) WHERE ended_at IS NULL;

CREATE UNIQUE INDEX ssh_keys_fingerprint ON ssh_keys (fingerprint, user_id) WHERE deleted_at IS NULL;

CREATE INDEX ssh_keys_user ON ssh_keys (user_id) WHERE deleted_at IS NULL;

CREATE INDEX sso_attempts_end ON sso_attempts (expires_at);

CREATE INDEX sso_attempts_session ON sso_attempts (session_id) WHERE session_id IS NOT NULL;

CREATE UNIQUE INDEX sso_attempts_state ON sso_attempts (state_hash);

CREATE INDEX sso_logouts_end ON sso_logouts (expires_at);

CREATE INDEX sso_sessions_due ON sso_sessions (due_at);

CREATE INDEX sso_sessions_identity ON sso_sessions (identity_id);

CREATE INDEX sso_sessions_provider ON sso_sessions (provider_id);

CREATE INDEX sso_sessions_silent ON sso_sessions (last_ok_at) WHERE refreshes;

CREATE UNIQUE INDEX statements_month ON statements (org_id, month);

CREATE INDEX statements_reach ON statements (org_id, to_at);

CREATE INDEX support_accesses_opened ON support_accesses (opened_at);

CREATE INDEX support_accesses_org ON support_accesses (org_id, id);

CREATE INDEX support_accesses_user ON support_accesses (user_id, ends_at);

CREATE INDEX task_steps_usual ON task_steps (step, started_at);

CREATE INDEX tasks_due ON tasks (wake_at) WHERE state = 'running';

CREATE UNIQUE INDEX tasks_one_running ON tasks (kind, subject) WHERE state = 'running';

CREATE INDEX tasks_open ON tasks (kind) WHERE ended_at IS NULL;

CREATE INDEX tasks_subject ON tasks (subject, id);

CREATE INDEX terminal_shares_allocation ON terminal_shares (allocation_id, created_at);

CREATE INDEX terminal_shares_terminal ON terminal_shares (terminal_id, user_id) WHERE ended_at IS NULL;

CREATE INDEX terminal_shares_user ON terminal_shares (user_id, id) WHERE ended_at IS NULL;

CREATE UNIQUE INDEX terminal_tickets_ticket ON terminal_tickets (ticket_hash);

CREATE INDEX terminal_tickets_user ON terminal_tickets (user_id, created_at);

CREATE INDEX usage_charges_org ON usage_charges (org_id, day);

CREATE UNIQUE INDEX usage_charges_seq ON usage_charges (total_id, seq);

CREATE INDEX usage_charges_txn ON usage_charges (txn_id) WHERE txn_id IS NOT NULL;

CREATE INDEX usage_days_org ON usage_days (org_id, day);

CREATE INDEX usage_events_charge ON usage_events (charge_id) WHERE charge_id IS NOT NULL;

CREATE INDEX usage_events_unbilled ON usage_events (org_id, meter, at) WHERE charge_id IS NULL AND write_off_id IS NULL;

CREATE UNIQUE INDEX usage_prices_from ON usage_prices (meter, currency, valid_from);

CREATE INDEX usage_totals_project ON usage_totals (project_id, id);

CREATE UNIQUE INDEX usage_windows_from ON usage_windows (allocation_id, from_at);

CREATE INDEX usage_windows_project ON usage_windows (project_id, id);

CREATE UNIQUE INDEX usage_windows_seq ON usage_windows (allocation_id, seq);

CREATE UNIQUE INDEX usage_windows_to ON usage_windows (allocation_id, to_at);

CREATE INDEX usage_write_offs_open ON usage_write_offs (org_id, meter) WHERE done = FALSE;

CREATE UNIQUE INDEX users_email ON users (email) WHERE provider_id IS NULL;

CREATE INDEX users_staff ON users (id) WHERE platform_role IS NOT NULL;

CREATE INDEX webhook_deliveries_done ON webhook_deliveries (done_at) WHERE done_at IS NOT NULL;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE done_at IS NULL;

CREATE INDEX webhook_deliveries_next ON webhook_deliveries (webhook_id, attempts, seq, id) WHERE done_at IS NULL;

CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);

CREATE INDEX webhooks_free ON webhooks (free_at, id) WHERE state = 'active';

CREATE INDEX webhooks_org ON webhooks (org_id, id);

CREATE TRIGGER allocations_over_stay BEFORE UPDATE ON allocations WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'over'); END;

CREATE TRIGGER audit_chain_append_only BEFORE UPDATE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER audit_chain_stays BEFORE DELETE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER audit_entries_append_only BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER audit_entries_stays BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries
BEGIN INSERT INTO audit_waiting (entry_id) VALUES (NEW.id); END;

CREATE TRIGGER closed_months_append_only BEFORE UPDATE ON closed_months
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER closed_months_stay BEFORE DELETE ON closed_months
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER ledger_postings_stays BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER ledger_transactions_closed BEFORE INSERT ON ledger_transactions
WHEN EXISTS (SELECT 1 FROM closed_months WHERE to_at > NEW.at)
  OR EXISTS (SELECT 1 FROM statements WHERE org_id = NEW.org_id AND to_at > NEW.at)
BEGIN SELECT RAISE(ABORT, 'month closed'); END;

CREATE TRIGGER ledger_transactions_stays BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER meters_stopped_stay BEFORE UPDATE ON meters WHEN OLD.stopped_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'over'); END;

CREATE TRIGGER price_book_lines_append_only BEFORE UPDATE ON price_book_lines
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER price_book_lines_stay BEFORE DELETE ON price_book_lines
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER price_book_uses_append_only BEFORE UPDATE ON price_book_uses
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER price_book_uses_stay BEFORE DELETE ON price_book_uses
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER processor_movements_append_only BEFORE UPDATE ON processor_movements
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER processor_movements_stay BEFORE DELETE ON processor_movements
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER statements_append_only BEFORE UPDATE ON statements
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER statements_stay BEFORE DELETE ON statements
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_charges_append_only BEFORE UPDATE ON usage_charges
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_charges_stay BEFORE DELETE ON usage_charges
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_events_kept BEFORE DELETE ON usage_events
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_events_stay BEFORE UPDATE ON usage_events
WHEN OLD.charge_id IS NOT NULL OR OLD.write_off_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_prices_append_only BEFORE UPDATE ON usage_prices
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_prices_stay BEFORE DELETE ON usage_prices
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_windows_append_only BEFORE UPDATE ON usage_windows
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_windows_stays BEFORE DELETE ON usage_windows
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_write_offs_done BEFORE UPDATE ON usage_write_offs WHEN OLD.done
BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TRIGGER usage_write_offs_kept BEFORE DELETE ON usage_write_offs
BEGIN SELECT RAISE(ABORT, 'append only'); END;

