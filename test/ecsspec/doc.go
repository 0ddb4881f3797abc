// Package ecsspec checks log lines against the field rules of the ecs-logging
// specification, for tests. The rules are data (a spec.json that lives outside
// the repository), so that the checks can not drift from them.
package ecsspec
