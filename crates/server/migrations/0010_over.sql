-- What is over stays as it is, and a project's ids are found in an index alone.

DROP INDEX allocations_project;
CREATE INDEX allocations_project ON allocations (org_id, project_id, id);
-- only: sqlite
CREATE TRIGGER allocations_over_stay BEFORE UPDATE ON allocations WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'over'); END;
CREATE TRIGGER meters_stopped_stay BEFORE UPDATE ON meters WHEN OLD.stopped_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'over'); END;
-- end
-- only: postgres
CREATE TRIGGER allocations_over_stay BEFORE UPDATE ON allocations
  FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER meters_stopped_stay BEFORE UPDATE ON meters
  FOR EACH ROW WHEN (OLD.stopped_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
-- end
