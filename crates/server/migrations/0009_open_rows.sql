-- What is open is found without passing what is over: history grows, what is open does not.

DROP INDEX allocations_live;
CREATE INDEX allocations_open ON allocations (state, id) WHERE ended_at IS NULL;
CREATE INDEX allocations_open_in ON allocations (project_id, id) WHERE ended_at IS NULL;
CREATE INDEX holds_open ON holds (id) WHERE state = 'open';
CREATE INDEX holds_to_stop ON holds (stop_at, id) WHERE state = 'open' AND stop_at IS NOT NULL;
CREATE INDEX meters_open ON meters (allocation_id) WHERE stopped_at IS NULL;
CREATE INDEX tasks_open ON tasks (kind) WHERE ended_at IS NULL;
CREATE INDEX node_works_unsettled ON node_works (node_id, allocation_id)
  WHERE NOT (want = 'absent' AND observed_generation = generation AND observed_state IS NOT NULL AND observed_state = 'absent');
