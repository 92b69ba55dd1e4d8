BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attempts (
	request_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	candidate VARCHAR NOT NULL, 
	stage INTEGER NOT NULL, 
	status VARCHAR NOT NULL, 
	started_at BIGINT NOT NULL, 
	latency_s FLOAT NOT NULL, 
	ttft_s FLOAT, 
	model_asked VARCHAR NOT NULL, 
	model_served VARCHAR, 
	input_tokens BIGINT, 
	output_tokens BIGINT, 
	cache_read_tokens BIGINT, 
	cache_write_tokens BIGINT, 
	reasoning_tokens BIGINT, 
	usage_estimated BOOLEAN, 
	cost_usd VARCHAR, 
	price_id VARCHAR, 
	error VARCHAR, 
	status_code INTEGER, 
	retryable BOOLEAN NOT NULL, 
	retry_after_s FLOAT, 
	PRIMARY KEY (request_id, number), 
	FOREIGN KEY(request_id) REFERENCES settlements (request_id)
);
INSERT INTO "attempts" VALUES('req_0001',1,'a/cheap',0,'failed',1793534401123456,0.25,NULL,'cheap',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'0',NULL,'RateLimitError',429,1,2.0);
INSERT INTO "attempts" VALUES('req_0001',2,'a/cheap',0,'ok',1793534402123456,0.25,0.125,'cheap','cheap-2026',900,333,200,0,11,0,'0.0004848','price_cheap',NULL,NULL,0,NULL);
CREATE TABLE feedback (
	id INTEGER NOT NULL, 
	decision_id VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	score FLOAT NOT NULL, 
	source VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(decision_id) REFERENCES requests (decision_id)
);
INSERT INTO "feedback" VALUES(1,'dec_0001',1793534460123456,1.0,'user');
CREATE TABLE prices (
	id VARCHAR NOT NULL, 
	input TEXT NOT NULL, 
	output TEXT NOT NULL, 
	cache_read TEXT, 
	cache_write TEXT, 
	source VARCHAR NOT NULL, 
	estimated BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "prices" VALUES('price_cheap','{"base":"0.15","tiers":[[1000,"0.30"]]}','{"base":"0.600","tiers":[]}','{"base":"0.0750","tiers":[]}',NULL,'made up',0);
CREATE TABLE requests (
	request_id VARCHAR NOT NULL, 
	decision_id VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	route VARCHAR NOT NULL, 
	model_asked VARCHAR NOT NULL, 
	dialect VARCHAR NOT NULL, 
	stream BOOLEAN NOT NULL, 
	session_id VARCHAR, 
	session_rule VARCHAR, 
	prompt_id VARCHAR, 
	chosen VARCHAR NOT NULL, 
	reference VARCHAR, 
	arm VARCHAR NOT NULL, 
	propensity FLOAT NOT NULL, 
	reason VARCHAR NOT NULL, 
	policy VARCHAR NOT NULL, 
	router_version VARCHAR NOT NULL, 
	fault VARCHAR, 
	candidates TEXT NOT NULL, 
	excluded TEXT NOT NULL, 
	predictions TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	context TEXT NOT NULL, 
	reserved_usd VARCHAR, 
	config_hash VARCHAR NOT NULL, 
	PRIMARY KEY (request_id), 
	UNIQUE (decision_id)
);
INSERT INTO "requests" VALUES('req_0001','dec_0001',1793534401123456,'auto','auto','openai',0,'s','header','prompt-1','a/cheap','a/dear','policy',0.98,'cheapest_within_floor','Floor(margin=0.01)','7f',NULL,'{"a/cheap":"price_cheap","a/dear":"price_cheap","a/blind":null}','{"a/blind":"vision_unknown"}','[{"candidate":"a/cheap","p_success":0.30000000000000004,"p_success_sd":0.05,"output_tokens":300.5,"cost_usd":0.00001},{"candidate":"a/dear","p_success":0.75,"p_success_sd":null,"output_tokens":null,"cost_usd":null}]','[{"steps":[{"candidate":"a/cheap"}],"acceptance":{"rule":"not_failed","weights":[],"cut":0.0}},{"steps":[{"candidate":"a/dear"}],"acceptance":{"rule":"not_failed","weights":[],"cut":0.0}}]','{"now":"2026-11-01T12:00:00.123456Z","seed":3,"hosts":{"a":{"breaker_open":false,"n_in_flight":2,"ttft_p95_s":0.1,"latency_p95_s":null}},"session":{"id":"s","rule":"header","control_draw":0.7,"mix_draw":0.0,"last_candidate":null,"cached_prefix_tokens":0},"budget_remaining_usd":"1.50","limits":{"allowed":["a/cheap"],"max_cost_usd":"0.2"}}','0.0500','c0ffee');
INSERT INTO "requests" VALUES('req_0002','dec_0002',1793534402123456,'auto','auto','openai',0,'s','header','prompt-2','a/cheap','a/dear','policy',0.98,'cheapest_within_floor','Floor(margin=0.01)','7f',NULL,'{"a/cheap":"price_cheap","a/dear":"price_cheap","a/blind":null}','{"a/blind":"vision_unknown"}','[{"candidate":"a/cheap","p_success":0.30000000000000004,"p_success_sd":0.05,"output_tokens":300.5,"cost_usd":0.00001},{"candidate":"a/dear","p_success":0.75,"p_success_sd":null,"output_tokens":null,"cost_usd":null}]','[{"steps":[{"candidate":"a/cheap"}],"acceptance":{"rule":"not_failed","weights":[],"cut":0.0}},{"steps":[{"candidate":"a/dear"}],"acceptance":{"rule":"not_failed","weights":[],"cut":0.0}}]','{"now":"2026-11-01T12:00:00.123456Z","seed":3,"hosts":{"a":{"breaker_open":false,"n_in_flight":2,"ttft_p95_s":0.1,"latency_p95_s":null}},"session":{"id":"s","rule":"header","control_draw":0.7,"mix_draw":0.0,"last_candidate":null,"cached_prefix_tokens":0},"budget_remaining_usd":"1.50","limits":{"allowed":["a/cheap"],"max_cost_usd":"0.2"}}','0.0500','c0ffee');
CREATE TABLE settlements (
	request_id VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	status VARCHAR NOT NULL, 
	served VARCHAR, 
	cost_usd VARCHAR, 
	reference_cost_usd FLOAT, 
	PRIMARY KEY (request_id), 
	FOREIGN KEY(request_id) REFERENCES requests (request_id)
);
INSERT INTO "settlements" VALUES('req_0001',1793534401623456,'delivered','a/cheap','0.0004848',0.001);
CREATE INDEX requests_at ON requests (at, request_id);
CREATE INDEX ix_feedback_decision_id ON feedback (decision_id);
COMMIT;
